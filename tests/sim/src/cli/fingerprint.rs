//! `punchd-sim device fingerprint`: a fingerprint module of the EF01 family, on a serial port.

use std::time::Duration;

use clap::{Args, ValueEnum};
use punchd_fingerprint::virtual_device::{Mischief, Options, Touch, VirtualModule};

use super::Failure;
use super::device::seconds;
use super::plug::Plug;

/// How long somebody's finger lies who touches every so often.
const LIES: Duration = Duration::from_millis(800);

/// Be a fingerprint module of the EF01 family. Each line of stdin is an order: `touch NAME` (or `touch NAME messy`, `little`,
/// `moving`) lays a finger on until `lift`; `store SLOT NAME` and `remove SLOT` do what another program would; `slots` and `light`
/// tell what is stored and what was shown; `noise`, `cut`, `twice`, `damage`, `lose`, `brown-out` disturb; `unplug` and `replug`.
#[derive(Debug, Args)]
pub(super) struct Fingerprint {
    #[command(flatten)]
    plug: Plug,
    /// Which module.
    #[arg(long, value_enum, default_value = "zfm20")]
    model: Model,
    /// Whose finger is in which slot already; may be given again and again.
    #[arg(long = "finger", value_name = "SLOT=NAME", value_parser = finger)]
    fingers: Vec<(u16, String)>,
    /// Somebody whose finger is stored touches every so often; nobody without it.
    #[arg(long, value_name = "S", value_parser = seconds)]
    touch_every: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    /// An old optical one.
    Zfm20,
    /// An optical one whose light can be switched.
    As608,
    /// A capacitive one with a ring of light.
    R503,
    /// One that counts its pages otherwise.
    R551,
}

impl Fingerprint {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let model = match self.model {
            Model::Zfm20 => Options::zfm20(),
            Model::As608 => Options::as608(),
            Model::R503 => Options::r503(),
            Model::R551 => Options::r551(),
        };
        let names: Vec<String> = self.fingers.iter().map(|(_, name)| name.clone()).collect();
        let module = VirtualModule::new(Options { fingers: self.fingers, ..model });
        let (served, ordered) = (module.clone(), module.clone());
        let serve = move |line| {
            let module = served.clone();
            async move { module.serve(line).await }
        };
        let touching = async {
            let Some(every) = self.touch_every.filter(|_| !names.is_empty()) else {
                return std::future::pending().await;
            };
            for name in names.iter().cycle() {
                tokio::time::sleep(every.saturating_sub(LIES)).await;
                module.touch(name);
                tokio::time::sleep(LIES).await;
                module.lift();
            }
        };
        tokio::select! {
            ended = self.plug.serve("fingerprint", serve, move |line| order(&ordered, line)) => ended,
            () = touching => Ok(()),
        }
    }
}

fn order(module: &VirtualModule, line: &str) -> Result<Option<String>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let slot = |word: &str| word.parse::<u16>().map_err(|_| "a slot is a number".to_owned());
    match words[..] {
        ["touch", name] => module.touch(name),
        ["touch", name, "messy"] => module.touch_so(name, Touch::Messy),
        ["touch", name, "little"] => module.touch_so(name, Touch::Little),
        ["touch", name, "moving"] => module.touch_so(name, Touch::Moving),
        ["lift"] => module.lift(),
        ["store", place, name] => module.store(slot(place)?, name),
        ["remove", place] => module.remove(slot(place)?),
        ["slots"] => {
            let slots: Vec<String> = module.slots().iter().map(u16::to_string).collect();
            return Ok(Some(slots.join(" ")));
        }
        ["light"] => return Ok(Some(format!("{:?}", module.take_shone()))),
        ["noise"] => module.noise(&[0x55, 0xEF, 0x01, 0xFF, 0x00, 0x13, 0xEF]),
        ["cut"] => module.mischief(None, Mischief::Cut),
        ["twice"] => module.mischief(None, Mischief::Twice),
        ["damage"] => module.mischief(None, Mischief::Damaged),
        ["lose"] => module.mischief(None, Mischief::Lost),
        ["brown-out"] => module.brown_out(),
        _ => return Err("touch NAME [messy|little|moving], lift, store SLOT NAME, remove SLOT, slots, light, noise, cut, twice, damage, lose, brown-out, unplug, replug".to_owned()),
    }
    Ok(None)
}

fn finger(text: &str) -> Result<(u16, String), String> {
    let parts = text.split_once('=').and_then(|(slot, name)| Some((slot.parse().ok()?, name.to_owned())));
    parts.ok_or_else(|| "a slot and a name, such as 3=anna".to_owned())
}
