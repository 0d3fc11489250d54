//! Datagrams overtake each other, come twice and get lost: the log arrives whole, or nothing of it does.

use std::time::Duration;

use punchd_contract::{Happened, Value};
use punchd_zkteco::pull::virtual_device::{Datagrams, Listens};
use tokio::time::sleep;

use super::{Site, minutes_later, records, terminal};

const RECORDS: i64 = 400;

async fn whole_or_nothing(datagrams: Datagrams, buffered: bool, record_size: usize) -> bool {
    let terminal = terminal(|options| {
        (options.listens, options.records) = (Listens::Udp, records(RECORDS));
        (options.buffered, options.odd.datagrams) = (buffered, datagrams);
        options.record_size = record_size;
    });
    let site = Site::quiet(terminal)
        .with("transport", Value::Text("udp".into()))
        .with("timeout", Value::Duration(Duration::from_secs(3)))
        .with("live", Value::Boolean(false))
        .start();
    sleep(Duration::from_secs(300)).await;
    let readings = site.bench.readings();
    let whole: Vec<_> = (0..RECORDS).map(|n| Happened::ByTerminal(minutes_later(n))).collect();
    let read: Vec<_> = readings.iter().map(|reading| reading.happened).collect();
    assert!(read.is_empty() || read == whole, "{} readings with {datagrams:?}", read.len());
    assert!(readings.iter().all(|reading| reading.doubt.is_none()), "{datagrams:?}");
    !read.is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_log_over_datagrams_is_whole_or_nothing() {
    let mut whole = 0;
    for round in 0..60u8 {
        let datagrams = Datagrams {
            lost: [0, 0, 1, 4][usize::from(round % 4)],
            twice: [0, 10, 40][usize::from(round % 3)],
            shuffled: round % 2 == 1,
            without_index: false,
        };
        whole += usize::from(whole_or_nothing(datagrams, round % 5 < 3, [40, 49, 40][usize::from(round % 3)]).await);
    }
    assert!(whole > 40, "{whole} of 60 logs came");
}

#[tokio::test(start_paused = true)]
async fn without_an_index_a_log_is_taken_only_if_two_reads_agree() {
    for shuffled in [false, true] {
        for twice in [0, 20] {
            let datagrams = Datagrams { twice, shuffled, without_index: true, ..Datagrams::default() };
            for buffered in [true, false] {
                let read = whole_or_nothing(datagrams, buffered, 40).await;
                assert!(read || shuffled, "{datagrams:?}");
            }
        }
    }
}
