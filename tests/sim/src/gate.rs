//! People at local readers that do not exist: they present, look for the sign, and remember what they were shown.
//!
//! A reader keeps nothing. What is owed to a person is therefore what the person saw: a green light means that the punch has to
//! arrive; without one it may have been recorded or not, and the person tries again another time.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use punchd_fingerprint::protocol::{Aura, Control};
use punchd_fingerprint::virtual_device::{Options as ModuleOptions, Shine, VirtualModule};
use punchd_pn532::virtual_device::cards::Card;
use punchd_pn532::virtual_device::{Options as ChipOptions, VirtualPn532};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::account::Reading;
use crate::clock::Clock;
use crate::people::Person;
use crate::pty::Pty;

/// How long a person waits for the sign.
const WAITS: Duration = Duration::from_millis(2500);
/// How often a person looks.
const LOOKS: Duration = Duration::from_millis(15);
/// A card is held to the reader a moment longer than it has to be, and a finger too.
const LINGERS: Duration = Duration::from_millis(120);
/// The next person needs a moment to step up; a reader needs it to believe that the last one has gone.
const BETWEEN: Duration = Duration::from_millis(700);
/// The pin with the green light, as the configuration names it, and its bit.
const GREEN: (&str, u8) = ("p30", 0x01);
/// Colours of the ring that mean taken and already taken.
const GOOD: [u8; 2] = [4, 2];

/// What carries the readers' lines.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// Serial ports, under names in this folder.
    Ports(PathBuf),
    /// A TCP serial server, for an agent whose emulator knows no serial ports.
    Network,
}

/// An NFC reader and a fingerprint module, each at a line of its own.
pub struct Gate {
    chip: VirtualPn532,
    module: VirtualModule,
    /// Where each is, as the configuration says it.
    places: [String; 2],
    _ports: Vec<Pty>,
    /// Serves whoever connects over the network; ends with the gate.
    _servers: JoinSet<()>,
    clock: Clock,
    presented: Arc<Mutex<Vec<Reading>>>,
}

impl Gate {
    /// Plugs both in.
    pub async fn plug(carrier: &Carrier, clock: Clock) -> io::Result<Self> {
        let chip = VirtualPn532::new(ChipOptions::default());
        let module = VirtualModule::new(ModuleOptions::r503());
        let (mut ports, mut servers) = (Vec::new(), JoinSet::new());
        let places = match carrier {
            Carrier::Ports(folder) => {
                let (nfc, finger) = (folder.join("nfc"), folder.join("finger"));
                let (chip, module) = (chip.clone(), module.clone());
                ports.push(Pty::to(Some(nfc.clone()), move |line| {
                    let chip = chip.clone();
                    async move { chip.serve(line).await }
                })?);
                ports.push(Pty::to(Some(finger.clone()), move |line| {
                    let module = module.clone();
                    async move { module.serve(line).await }
                })?);
                [nfc, finger].map(|path| path.display().to_string())
            }
            Carrier::Network => {
                let listeners = [listener().await?, listener().await?];
                let places = [listeners[0].local_addr()?, listeners[1].local_addr()?].map(|at| format!("tcp://{at}"));
                let [at_chip, at_module] = listeners;
                let (chip, module) = (chip.clone(), module.clone());
                // One line at a time, as a serial server gives it.
                servers.spawn(async move {
                    while let Ok((line, _)) = at_chip.accept().await {
                        chip.serve(line).await;
                    }
                });
                servers.spawn(async move {
                    while let Ok((line, _)) = at_module.accept().await {
                        module.serve(line).await;
                    }
                });
                places
            }
        };
        Ok(Self { chip, module, places, _ports: ports, _servers: servers, clock, presented: Arc::default() })
    }

    /// The blocks of the configuration for both.
    pub fn config(&self) -> String {
        let [nfc, finger] = &self.places;
        let green = GREEN.0;
        format!(
            "[[device]]\nname = \"gate-nfc\"\nkind = \"pn532\"\nport = \"{nfc}\"\ngreen_pin = \"{green}\"\nred_pin = \"p31\"\n\n\
             [[device]]\nname = \"{FINGER_DEVICE}\"\nkind = \"fingerprint\"\nport = \"{finger}\"\n\n"
        )
    }

    /// The person taps the card on the NFC reader and waits for the light.
    pub async fn tap(&self, person: &Person) {
        self.chip.forget_pins();
        self.chip.present(Card::Classic(card_of(person)));
        let lit = || self.chip.pins_history().iter().any(|(_, pins)| pins.p3 & GREEN.1 == 0);
        self.wait(person, lit).await;
        self.chip.remove();
        sleep(BETWEEN).await;
    }

    /// The person puts the enrolled finger down and waits for the ring.
    pub async fn touch(&self, person: &Person) {
        self.module.take_shone();
        self.module.touch(&finger_of(person));
        let good = |shine: &Shine| match shine {
            Shine::Ring(Aura { control, colour, .. }) => {
                matches!(control, Control::On | Control::Flash) && GOOD.contains(colour)
            }
            _ => false,
        };
        self.wait(person, || self.module.take_shone().iter().any(good)).await;
        self.module.lift();
        sleep(BETWEEN).await;
    }

    /// The person gives a finger: down and up again, until it is dropped.
    pub async fn give_finger(&self, person: &Person) {
        loop {
            self.module.touch(&finger_of(person));
            sleep(BETWEEN).await;
            self.module.lift();
            sleep(BETWEEN).await;
        }
    }

    /// Takes the finger away and forgets what the ring has shown.
    pub fn step_back(&self) {
        self.module.lift();
        self.module.take_shone();
    }

    /// Everything that was presented at either, with what is owed for it.
    pub fn presented(&self) -> Vec<Reading> {
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn wait(&self, person: &Person, good: impl Fn() -> bool) {
        let (from, end) = ((self.clock)(), Instant::now() + WAITS);
        let mut owed = false;
        while !owed && Instant::now() < end {
            sleep(LOOKS).await;
            owed = good();
        }
        let until = (self.clock)();
        sleep(LINGERS).await;
        self.presented.lock().unwrap_or_else(PoisonError::into_inner).push(Reading {
            userid: Some(person.userid.clone()),
            from_s: from.as_second(),
            until_s: until.as_second(),
            owed,
        });
    }
}

async fn listener() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// What the configuration calls the fingerprint module.
pub const FINGER_DEVICE: &str = "gate-finger";

/// The person's card: four bytes that no phone would make up.
pub fn card_of(person: &Person) -> Vec<u8> {
    let number: u32 = person.number.parse().unwrap_or(0);
    (0x04_00_00_00 | number).to_be_bytes().to_vec()
}

fn finger_of(person: &Person) -> String {
    format!("{}'s thumb", person.userid)
}
