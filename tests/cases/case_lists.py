"""Lists, names and settings decide about wages too."""

from ends import *
from runner import case

WHOLE = "userid,name,user_id,card\nann,Ann,1001,0100745A70\nbob,Bob,1002,0D00319CD0\n"
SHORT = "userid,name,user_id\nann,Ann,1001\nbob,Bob,1002\n"


def with_list(gateway, text):
    (gateway.dir / "people.csv").write_text(text)
    if "[people]" not in gateway.config.read_text():
        gateway.config.write_text(gateway.config.read_text() + f'[people]\nfile = "{gateway.dir}/people.csv"\n')


@case("spreadsheets of payroll programs: a column is not exported")
def lists_without_a_column():
    """The people were imported with their cards; the next list has no column of cards, and the gateway is
    restarted. Right: the cards are still theirs."""
    line = Line()
    gateway = Gateway(device("line", "serial_line", port=line.url, format="rdm6300"))
    with_list(gateway, WHOLE)
    with gateway:
        line.accept().send(1.0, rdm("0100745A70"), 1.0)
        expect("people", ["ann"], who(gateway.settle(1, 5)))
        gateway.stop()
        with_list(gateway, SHORT)
        gateway.run()
        line.accept().send(1.0, rdm("0D00319CD0"), 1.0)
        expect("people after the restart", ["ann", "bob"], who(gateway.settle(2, 5)))


@case("configurations that are tidied up")
def lists_beside_a_person_of_the_configuration():
    """Ann has her terminal id from the list and a card in the configuration. Right: after a restart both are hers."""
    line, p = Line(), Push()
    block = device("line", "serial_line", port=line.url, format="rdm6300") + p.block
    gateway = Gateway(block, '[[person]]\nuserid = "ann"\nname = "Ann"\ncards = ["0100745A70"]\n')
    with_list(gateway, SHORT)
    with gateway:
        line.accept()
        gateway.stop()
        gateway.run()
        line.accept().send(1.0, rdm("0100745A70"), 1.0)
        p.att(line_of(1001, at(-1)))
        expect("people", ["ann", "ann"], who(gateway.settle(2, 6)))


def line_of(pin, t):
    return f"{pin}\t{written(t)}\t0\t1\t0\t0\n"


@case("configurations that are tidied up: a destination gets another name")
def lists_renamed_destination():
    """Ten punches were delivered; then the destination is called otherwise. Right: WeCom gets none of them
    a second time, and the next punch arrives."""
    p, times = Push(), [at(-2, 8, m) for m in range(10)]
    with Gateway(p.block, person("ann", "1001")) as gateway:
        p.hello()
        p.att("".join(line(1001, t) for t in times))
        expect("WeCom holds", [said("ann", t) for t in times], gateway.settle(10).wecom())
        gateway.stop()
        text = gateway.config.read_text()
        gateway.config.write_text(
            text.replace('[[destination]]\nname = "wecom"', '[[destination]]\nname = "head-office"')
        )
        gateway.run()
        p.att(line(1001, at(-1)))
        want = [said("ann", t) for t in [*times, at(-1)]]
        expect("WeCom holds", want, gateway.settle(11).wecom())
        expect("twice", [], gateway.twice())


@case("a site that sends to one corp under two names")
def lists_two_destinations_of_one_corp():
    """Two destinations name the same corp. Right: check calls it a mistake, or WeCom gets each punch once."""
    p = Push()
    gateway = Gateway(p.block, person("ann", "1001"))
    text = gateway.config.read_text()
    at_ = text.index("[[destination]]")
    gateway.config.write_text(text + text[at_:].replace('name = "wecom"', 'name = "second"'))
    refused = gateway.cli("check").returncode
    if refused:
        return gateway.stop(gateway.procs[0])
    with gateway:
        p.att(line(1001, at(-1)))
        gateway.settle(1)
        expect("twice", [], gateway.twice())


@case("a mistyped member of the corp")
def lists_with_a_userid_that_was_mistyped():
    """Ann's punches were parked because WeCom has no `anne`; the list is corrected. Right: they arrive
    under her name."""
    p = Push()
    gateway = Gateway(p.block, members=["ann", "bob"], wecom='settle = "2s"\n')
    with_list(gateway, SHORT.replace("ann,Ann", "anne,Ann"))
    with gateway:
        p.hello()
        p.att(line(1001, at(-1)) + line(1002, at(-1, 9)))
        counts = lambda: gateway.status()["journal"]["counts"]
        check("one parked", until(lambda: counts()["parked"] == 1, 25), counts())
        gateway.stop()
        with_list(gateway, SHORT)
        gateway.run()
        want = [said("ann", at(-1)), said("bob", at(-1, 9))]
        check(f"{want} in WeCom", until(lambda: gateway.wecom() == want, 25), (gateway.wecom(), gateway.outcomes()))


def handed_on(more, after):
    """The number 1001 is Ann's, then the list gives it to Cyd; a terminal that was out of reach brings 08:00 of
    the day before yesterday afterwards."""
    p = Push()
    gateway = Gateway(p.block)
    with_list(gateway, "userid,name,user_id\nann,Ann,1001\n")
    with gateway:
        p.hello()
        p.att(line(1001, at(-3)))
        gateway.settle(1)
        gateway.stop()
        with_list(gateway, "userid,name,user_id" + more)
        gateway.run()
        p.hello()
        p.att(line(1001, at(-2)))
        gateway.settle(2, 6)
        after(gateway, p)


@case("numbers and cards that are given again")
def lists_with_a_number_that_was_handed_on():
    """Ann's number was given to Cyd; nobody entered that Ann left. A terminal that was out of reach then brings
    a punch of the day before yesterday. Right: nobody gets it without a decision; what Cyd does from now on is
    hers; and given to Ann it arrives."""

    def after(gateway, p):
        check("held, with a reason", gateway.held(at(-2)), gateway.outcomes())
        live = now()
        p.att(line(1001, live))
        gateway.settle(3, 6)
        expect("WeCom holds", [said("ann", at(-3)), said("cyd", live)], gateway.wecom())
        row = [x["seq"] for x in gateway.json("punches", "held")]
        gateway.cli("punches", "decide", str(row[0]), "--person", "ann", "--reason", "her last day", "--by", "office")
        gateway.settle(3)
        want = [said("ann", at(-3)), said("ann", at(-2)), said("cyd", live)]
        expect("WeCom holds after the decision", want, gateway.wecom())

    handed_on("\ncyd,Cyd,1001\n", after)


@case("numbers and cards that are given again: the last day is entered later")
def lists_with_a_last_day_that_was_entered_later():
    """As above; then somebody enters Ann's last day. Right: the punch before it is hers, without a decision."""

    def after(gateway, p):
        with_list(gateway, f"userid,name,left_on\nann,Ann,{at(-2).date()}\n")
        gateway.stop()
        gateway.run()
        gateway.settle(2)
        expect("WeCom holds", [said("ann", at(-3)), said("ann", at(-2))], gateway.wecom())

    handed_on("\ncyd,Cyd,1001\n", after)


@case("the opposite of the case above: what must not be held by a cure")
def lists_with_a_userid_that_was_corrected():
    """Ann stood in the list as `anne`, with the same name; the list is corrected, then a punch of before comes.
    Right: it is hers."""
    handed_on(
        "\nann2,Ann,1001\n",
        lambda gateway, p: expect("WeCom holds", [said("ann", at(-3)), said("ann2", at(-2))], gateway.wecom()),
    )
