def test_card_is_printed_or_written(store, tmp_path, bakeoff):
    printed = bakeoff("card", "best", "--store", str(store), "--licence", "mit")
    written = bakeoff("card", "best", "--store", str(store), "--licence", "mit", "-o", str(tmp_path / "README.md"))
    assert printed.code == written.code == 0 and written.out == ""
    assert printed.out == (tmp_path / "README.md").read_text() and 'license: "mit"\n' in printed.out


def test_card_refuses_in_one_sentence(store, tmp_path, bakeoff):
    (tmp_path / "file").touch()
    for arguments in (("nonet",), ("best", "-o", str(tmp_path / "file" / "a.md")), ("best", "-o", str(tmp_path))):
        said = bakeoff("card", *arguments, "--store", str(store))
        assert said.code == 2 and "Traceback" not in said.err
