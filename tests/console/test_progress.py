from bakeoff.console.progress import progress_bar


def test_nothing_is_drawn_where_there_is_no_terminal(capsys):
    with progress_bar() as show:
        show("reading", 1, 0)
        show("reading", 2, 2)
        show("packing", 1, 5)
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_a_bar_while_it_takes(cell, monkeypatch, capsys):
    monkeypatch.setattr("bakeoff.console.progress.DRAW_SECONDS", -1.0)
    with progress_bar() as show:
        show("reading <a>", 3, 0)
        assert "<progress>" in cell.shown[-1]["text/html"] and "&lt;a&gt;: 3" in cell.shown[-1]["text/html"]
        show("packing", 1, 5)
        assert 'max="5" value="1"' in cell.shown[-1]["text/html"]
        assert cell.shown[-1]["text/plain"] == "packing: 20\u202f%"
    assert cell.opened == 1 and cell.shown[-1]["text/html"] == ""
    assert capsys.readouterr() == ("", "")


def test_quiet_shows_nothing_in_a_notebook(cell, monkeypatch):
    monkeypatch.setattr("bakeoff.console.progress.DRAW_SECONDS", -1.0)
    with progress_bar(quiet=True) as show:
        show("packing", 1, 5)
    assert not cell.shown
