"""What WeCom says, and what follows from it."""

from ends import *
from runner import case

ANN = person("ann", "1001")


def read_back(gateway, p, instead):
    """The records are stored and the answer is lost; every read-back gets this for eight seconds, then what is so."""
    lost = {"on": "add_checkin_record", "times": 1, "takes_effect": True, "instead": "cut"}
    gateway.behave(disturbances=[lost, {"on": "getcheckindata", "instead": instead}])
    p.att(line(1001, at(-1)) + line(1001, at(-1, 17)))
    time.sleep(8)
    expect("twice", [], gateway.twice())
    gateway.behave(disturbances=[])
    counts = lambda: gateway.status()["journal"]["counts"]
    check(
        "nothing in doubt any more", until(lambda: not counts()["in_doubt"] and not counts()["waiting"], 25), counts()
    )
    expect("WeCom holds", [said("ann", at(-1)), said("ann", at(-1, 17))], gateway.wecom())
    expect("twice", [], gateway.twice())


@case("answers of others' servers and proxies: errcode 0, and no list")
def wecom_answers_without_rows():
    """The answer to a batch was lost. The read-back says that all is well and has no `checkindata`. Right:
    that proves nothing absent; the batch is not sent again."""
    p = Push()
    with Gateway(p.block, ANN, wecom='settle = "2s"\n') as gateway:
        p.hello()
        read_back(gateway, p, "without_rows")


@case("answers of others' servers and proxies: errcode 0, and null")
def wecom_answers_null():
    """As above with a `checkindata` that is null. Right: as above."""
    p = Push()
    with Gateway(p.block, ANN, wecom='settle = "2s"\n') as gateway:
        p.hello()
        read_back(gateway, p, "null_rows")


@case("the opposite of the cases above: what must not be held by a cure")
def wecom_stored_nothing():
    """The connection was cut before WeCom stored anything, and the read-back shows other rows. Right: sent
    again, once."""
    p = Push()
    with Gateway(p.block, ANN, wecom='settle = "2s"\n') as gateway:
        p.hello()
        gateway.behave(disturbances=[{"on": "add_checkin_record", "times": 1, "instead": "cut"}])
        p.att(line(1001, at(-1)))
        want = [said("ann", at(-1))]
        check("the punch in WeCom", until(lambda: gateway.wecom() == want, 30), gateway.status()["journal"]["counts"])
        expect("twice", [], gateway.twice())
