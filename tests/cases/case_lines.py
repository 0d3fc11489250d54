"""OK means understood: neighbours of lines, tables, paths and events of terminals that call."""

import base64

from ends import *
from runner import case, seed

ANN = person("ann", "1001")


def kept_or_refused(gateway, send, what):
    """What could be a punch becomes a reading, or the terminal is not told OK. Answers whether it was taken."""
    before = gateway.status()["journal"]["counts"]["readings"]
    answer = send()
    more = until(lambda: gateway.status()["journal"]["counts"]["readings"] > before, 2)
    check(f"{what}: a reading, or no OK", more or not taken(answer), answer)
    return taken(answer)


@case("public servers and relays: names of tables", limit=90)
def lines_under_any_table():
    """The same kind of line under names that firmware and relays use, spell otherwise or invent. Right: a
    reading for each, or the terminal is not told OK; and never another time or person."""
    tables = (
        "ATTLOG attlog AttLog OPERLOG operlog USERINFO USER BIODATA FINGERTMP FACE TransLog transaction options".split()
    )
    tables += ["rtlog", "errorlog", "ATTPHOTO", "foo", ""]
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        for i, table in enumerate(tables):
            send = lambda: p.att(line(1001, at(-1, 8, i)), f"table={table}&Stamp=9999")
            kept_or_refused(gateway, send, f"under {table!r}")
        possible = {said("ann", at(-1, 8, i)) for i in range(len(tables))}
        got = gateway.settle().wecom()
        check("nothing but these punches", set(got) <= possible, got)
        check("those under ATTLOG", said("ann", at(-1, 8, 0)) in got, got)


@case("relays, other firmware: what stands between the columns", limit=90)
def lines_with_any_separator():
    """Tabs, blanks, commas, semicolons, bars, several of them, a byte order mark, a NUL or CR at the end,
    ISO times. Right: a reading for each, or the terminal is not told OK; and never another time or person."""
    columns = lambda i, sep: sep.join(["1001", written(at(-1, 9, i)), "0", "1", "0", "0"])
    bodies = [columns(i, sep) + "\n" for i, sep in enumerate(["\t", " ", ",", ";", "|", "\t\t", ", ", " \t", "，"])]
    i = len(bodies)
    bodies += ["\ufeff" + columns(i, "\t") + "\n", columns(i + 1, "\t") + "\r\n", columns(i + 2, "\t") + "\0"]
    bodies += [columns(i + 3, "\t").replace(written(at(-1, 9, i + 3)), at(-1, 9, i + 3).isoformat()) + "\n"]
    bodies += [columns(i + 4, "\t").replace("-", "/") + "\n", "ATTLOG\t" + columns(i + 5, "\t") + "\n"]
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        for body in bodies:
            kept_or_refused(gateway, lambda: p.att(body.encode()), repr(body))
        possible = {said("ann", at(-1, 9, i)) for i in range(len(bodies))}
        got = gateway.settle().wecom()
        check("nothing but these punches", set(got) <= possible, got)
        check("that with tabs", said("ann", at(-1, 9, 0)) in got, got)


@case("vendor document: Security PUSH V4.8, appendix 2 (20–99)", limit=90)
def lines_of_every_refusal():
    """Every event from 20 to 99 with the id of somebody, twenty in a body, and one normal opening. Right:
    that one is a punch, all others are kept and shown as refused, with their code."""
    p = Push()
    with Gateway(p.block, ANN) as gateway:
        p.controller()
        times = {code: at(-1, 8 + code // 60, code % 60) for code in range(20, 100)}
        for first in range(20, 100, 20):
            body = "".join(event(times[c], pin=1001, code=c, index=c) for c in range(first, first + 20))
            p.att(body, "table=rtlog")
        p.att(event(at(-1, 12), pin=1001, code=0, index=100), "table=rtlog")
        expect("WeCom holds", [said("ann", at(-1, 12))], gateway.settle(81, 10).wecom())
        rows = {p["terminal_time"][11:16]: p for p in gateway.punches()}
        for code, t in times.items():
            r = rows.get(t.strftime("%H:%M"), {})
            right = r.get("outcome") == "refused" and str(code) in json.dumps(r["reason"])
            check(f"event {code} kept as refused, with its code", right, r)


@case("server addresses as people type them", limit=90)
def lines_at_any_path():
    """A known terminal calls at paths that a wrong server address makes. Right: for each its punch is
    taken, or the path stands in what status says."""
    p = Push()
    paths = [
        "/cdata",
        "/iclock",
        "/iclock/cdata/cdata",
        "/adms/iclock/cdata",
        "/iclock/iclock/cdata",
        "/api/iclock/cdata.aspx",
    ]
    with Gateway(p.block, ANN) as gateway:
        for i, path in enumerate(paths):
            p.att(line(1001, at(-1, 8, i)), path=path)
            shown = lambda: path in json.dumps(gateway.status()) or said("ann", at(-1, 8, i)) in gateway.wecom()
            check(f"{path} in what status says, or its punch", until(shown, 4), gateway.health("gate"))


@case("a person at two doors of one building")
def lines_of_one_person_at_two_terminals():
    """Two terminals note the same person in the same second. Right: two readings, and in WeCom one record
    that came once."""
    a, b = Push("in", "CJ9D204960001"), Push("out", "CJ9D204960002")
    with Gateway(a.block + b.block, ANN, merge="60s") as gateway:
        for p in (a, b):
            p.hello()
            p.att(line(1001, at(-1)))
        expect("WeCom holds", [said("ann", at(-1))], gateway.settle(2, 6).wecom())
        expect("readings", 2, len(gateway.punches()))
        expect("twice", [], gateway.twice())


@case("vendor document: attendance PUSH V5.8, 9.5 to 9.14, and names that it does not have", limit=90)
def lines_with_templates_under_any_name():
    """Templates, photos and card data come under many tables and field names, some of which no document
    has. Right: no byte of them stands in a file of the data folder, and the folder does not grow by half of
    what was sent."""
    draw, p = seed(), Push()
    fields = ["Tmp", "TMP", "Content", "Photo", "FPTemplate1", "FPTemplate9", "Face", "template", "BioData", "Feature"]
    tables = ["FINGERTMP", "BIODATA", "FACE", "USERPIC", "BIOPHOTO", "IDCARD", "ATTPHOTO", "FVEIN", "tabledata"]
    heads = {"FINGERTMP": "FP", "IDCARD": "IDCARD"}
    size = lambda: sum(f.stat().st_size for f in (gateway.dir / "data").rglob("*") if f.is_file())
    with Gateway(p.block, ANN) as gateway:
        p.hello()
        gateway.settle(0)
        before, sent, marks = size(), 0, []
        for table in tables:
            # Many in one upload: what each commit writes besides must not count.
            blobs = {field: base64.b64encode(draw.randbytes(24)).decode() for field in fields}
            columns = "\t".join(f"{field}={mark * 400}" for field, mark in blobs.items())
            p.att(f"{heads.get(table, table)} PIN=1001\tFID=1\tValid=1\t{columns}\n", f"table={table}&Stamp=9999")
            marks += blobs.values()
            sent += len(columns)
        gateway.settle(0)
        found = sorted({name for mark in marks for name in in_clear(gateway, mark)})
        expect("files with bytes of them", [], found)
        check("a data folder that hardly grows", size() - before < sent / 2, (size() - before, sent))


@case("a site whose list of people was never imported")
def lines_of_nobody_are_not_green():
    """Thirty punches come, and nobody in the list has these ids. "Everything is delivered" is no true
    answer. Right: status warns, and says what helps."""
    p = Push()
    with Gateway(p.block, person("zoe", "9")) as gateway:
        p.hello()
        p.att("".join(line(2000 + i, at(-1, 8, i)) for i in range(30)))
        gateway.settle(30)
        conditions = [h["condition"] for h in gateway.status()["health"].values()]
        warned = gateway.status()["alerts"] or "warning" in conditions or "fault" in conditions
        check("a warning", warned, conditions)


@case("a wrong Content-Length, a relay's buffer: a body that is cut")
def lines_that_lost_their_end():
    """The last line of a body ends anywhere in its time: 08:15:3 and 08:15 were 08:15:35. Right: nothing at a time
    that the terminal did not write."""
    t, p = at(-1, 8, 15, 35), Push()
    with Gateway(p.block, person("ann", "1001") + person("bob", "1002")) as gateway:
        p.hello()
        for cut in range(1, 9):
            p.att(line(1002, at(-1)) + f"1001\t{written(t)}"[:-cut])
        p.att(line(1001, t))
        expect("WeCom holds", [said("ann", t), said("bob", at(-1))], sorted(gateway.settle(2, 4).wecom()))


@case("relays that lose the end of a line")
def lines_of_two_punches():
    """Two punches stand in one line, and an event that names two people. Right: nobody is credited with half of it;
    each is kept as unreadable, or is not answered OK."""
    p = Push()
    with Gateway(p.block, person("ann", "1001") + person("bob", "1002")) as gateway:
        p.hello()
        a = p.att(line(1001, at(-1)).strip() + "\t" + line(1002, at(-1, 8, 0, 7)))
        b = p.att(event(at(-1, 9), pin=1001, index=1).strip() + "\tpin=1002\n", "table=rtlog")
        gateway.settle(2, 4)
        expect("WeCom holds", [], gateway.wecom())
        kept = [x for x in gateway.punches() if x["outcome"] == "unknown"]
        check("both kept, or no OK", len(kept) == taken(a) + taken(b), (a, b, gateway.outcomes()))
