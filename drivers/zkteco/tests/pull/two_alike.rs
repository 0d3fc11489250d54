//! Terminals that cannot be told apart by a serial number: no record of one is taken for the other's.

use std::collections::HashSet;

use punchd_contract::{Condition, Reading};
use punchd_zkteco::pull::virtual_device::Options;

use super::{Site, records, terminal};

fn keys(readings: &[Reading]) -> HashSet<String> {
    readings.iter().map(|reading| reading.key.as_ref().unwrap().content().to_owned()).collect()
}

async fn pair(names: [&str; 2], serial: Option<&str>) -> [Site; 2] {
    let serial = serial.map(str::to_owned);
    let make = |_: &str| {
        Site::quiet(terminal(|options: &mut Options| {
            (options.records, options.serial) = (records(10), serial.clone());
        }))
    };
    let [mut first, mut second] = names.map(make);
    first.go_on_as(names[0]);
    first.arrive(10).await;
    second.go_on_as(names[1]);
    second.arrive(10).await;
    [first, second]
}

#[tokio::test(start_paused = true)]
async fn two_terminals_without_a_serial_number_share_no_record() {
    let [first, second] = pair(["nameless-a", "nameless-b"], None).await;
    assert!(keys(&first.bench.readings()).is_disjoint(&keys(&second.bench.readings())));
}

#[tokio::test(start_paused = true)]
async fn two_devices_that_show_one_serial_number_share_no_record_and_both_say_so() {
    let [mut first, mut second] = pair(["alike-a", "alike-b"], Some("0000000001")).await;
    assert!(keys(&first.bench.readings()).is_disjoint(&keys(&second.bench.readings())));
    first.says(Condition::Warning, &["same serial number as alike-b", "序列号与 alike-b 相同"]).await;
    second.says(Condition::Warning, &["same serial number as alike-a"]).await;
    // Both come back in the other order: every record keeps its key.
    first.stop().await;
    second.stop().await;
    for (site, name) in [(&mut second, "alike-b"), (&mut first, "alike-a")] {
        site.go_on_as(name);
        site.terminal.punch_now("1001");
        site.arrive(11).await;
        assert_eq!(site.bench.repeated(), 0);
    }
    assert!(keys(&first.bench.readings()).is_disjoint(&keys(&second.bench.readings())));
    // The second one is taken out of the configuration.
    second.stop().await;
    first.says(Condition::Working, &["0000000001"]).await;
}
