from bakeoff.console.progress import progress_bar


def test_nothing_is_drawn_where_there_is_no_terminal(capsys):
    with progress_bar() as show:
        show("reading", 1, 0)
        show("reading", 2, 2)
        show("packing", 1, 5)
    assert capsys.readouterr() == ("", "")
