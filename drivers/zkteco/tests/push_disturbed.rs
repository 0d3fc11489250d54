//! Whatever happens between a push terminal and the driver, every punch arrives once.

mod push_site;

use punchd_contract::conformance::{Exchange, VirtualDevice};
use punchd_zkteco::push::virtual_device::{Dialect, VirtualPushTerminal};
use push_site::{MINUTE, Site};

#[tokio::test(start_paused = true)]
async fn every_disturbance_in_turn_costs_no_punch_and_doubles_none() {
    for dialect in [None, Some(Dialect::Security)] {
        let site = Site::new().await;
        let mut options = site.options();
        options.dialect = dialect.unwrap_or(options.dialect);
        let mut terminal = VirtualPushTerminal::start(options);
        let disturbances = [
            Exchange::Unplug,
            Exchange::Replug,
            Exchange::Garbage,
            Exchange::HalfFrame,
            Exchange::RepeatLast,
            Exchange::SlowMillis(3000),
            Exchange::SlowMillis(0),
            Exchange::ClockOffSeconds(-86_400),
            Exchange::ClockOffSeconds(0),
        ];
        for what in disturbances {
            VirtualDevice::punch(&mut terminal, "1001").await;
            assert!(terminal.disturb(what).await, "{what:?}");
            for _ in 0..5 {
                VirtualDevice::punch(&mut terminal, "1002").await;
            }
            tokio::time::sleep(3 * MINUTE).await;
        }
        let punches = terminal.punches();
        assert_eq!(punches, 54);
        assert!(site.sees(|bench| bench.readings().len() == punches).await, "{}", site.bench.readings().len());
        tokio::time::sleep(10 * MINUTE).await;
        assert_eq!(site.bench.readings().len(), punches);
    }
}
