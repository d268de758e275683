"""Labels of images in a text file beside them."""

import pytest
from listed_files import found, touch

from bakeoff.data.tree import list_images
from bakeoff.errors import BakeoffError


def test_tiny_imagenets_validation_images_are_labelled_by_their_text_file(root):
    touch(root, *(f"train/n{c}/images/n{c}_{i}.JPEG" for c in (1, 2) for i in range(3)), "train/n1/n1_boxes.txt")
    touch(root, *(f"val/images/val_{i}.JPEG" for i in range(5)), *(f"test/images/test_{i}.JPEG" for i in range(2)))
    (root / "wnids.txt").write_text("n1\nn2\n")
    lines = ["val_0.JPEG\tn2\t0\t32\t44\t62", "val_1.JPEG\tn1\t1\t2\t3\t4", "val_2.JPEG\tn1", "val_9.JPEG\tn1", ""]
    lines += ["val_3.JPEG\tn1", "val_3.JPEG\tn2"]
    annotations = root / "val" / "val_annotations.txt"
    annotations.write_text("\n".join(lines))
    tree = list_images(root)
    assert tree.classes == ("n1", "n2")
    assert [(path, label) for path, split, label in found(root) if split == "validation"] == [
        (f"val/images/val_{i}.JPEG", label) for i, label in enumerate(["n2", "n1", "n1", "n1"])
    ]
    assert len([split for _, split, _ in found(root) if split == "train"]) == 6
    assert set(tree.skipped) == {
        ("test", "images without labels: 2"),
        ("val", "images that val_annotations.txt does not list: 1"),
        ("val_9.JPEG", "listed in val_annotations.txt, but missing"),
        ("val_3.JPEG", "listed with two labels in val_annotations.txt"),
    }
    annotations.write_text("\n".join(lines).replace("val_0.JPEG\tn2", "val_0.JPEG\tn1"))
    assert list_images(root).fingerprint != tree.fingerprint
    annotations.write_text("val_0.JPEG\tn7\n")
    assert any("class 'n7' of the validation folder" in problem for problem in list_images(root).problems)
    annotations.write_text("val_0.JPEG n1\n")
    with pytest.raises(BakeoffError, match="line 1: expected a file name, a tab and a label"):
        list_images(root)
