//! `punchd check` in plain words.

use crate::site::small;

#[test]
fn the_explanation_says_what_is_read_and_delivered_in_both_languages() {
    let site = small("");
    let lines = site.config().explain();
    let (en, zh): (Vec<_>, Vec<_>) = lines.iter().map(|line| (line.en.as_str(), line.zh.as_str())).unzip();
    let (en, zh) = (en.join("\n"), zh.join("\n"));
    for said in [
        "Device gate-1: a terminal of paper (lantern-pull), time zone Asia/Shanghai, for main.",
        "address = \"10.0.0.8:4370\", every = \"30s\", transport = \"tcp\", retries = 3, doors = [], live = true",
        "looked up in the people list",
        "off by more than 1m, its punches are corrected where the offset is proven for their moment, and else held",
        "Destination wecom: the punches of main go to WeCom",
        "at most 20 writing calls a minute",
        "400d",
    ] {
        assert!(en.contains(said), "{said:?} in:\n{en}");
    }
    for said in ["设备 gate-1：纸终端", "去向 wecom", "400d", "`secret` 来自文件"] {
        assert!(zh.contains(said), "{said:?} in:\n{zh}");
    }
}
