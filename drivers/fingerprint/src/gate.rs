//! The gate: a finger is looked for again and again, told, and answered by light; between two looks the agent's orders are carried out.
//!
//! A finger that the module does not find leaves nothing that could be kept: an image is of nobody until it matches a template, and
//! biometric content does not leave the sensor for that. So there is no reading of it; the person sees "unknown", and it is counted
//! in the log.

use std::convert::Infallible;
use std::time::Duration;

use punchd_contract::{Command, Credential, Doubt, Health, Method, Place, Reading, Receipt, Sign, Text, Tone};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::light::{BETWEEN_BLINKS, Guide, Light};
use crate::module::Module;
use crate::orders;
use crate::protocol::{Ask, Code};
use crate::session::Answer;
use crate::trouble::Trouble;

/// A finger that is still being laid on makes a bad image: so many are taken before the person is told.
const IMAGES: usize = 3;
/// How long a sign stays.
const SIGN_STAYS: Duration = Duration::from_secs(1);
/// A finger that lies longer is none: dirt, or something left on the glass.
const NO_FINGER_LIES: Duration = Duration::from_secs(60);
/// So many bad images with no good one between them are the glass's fault.
const BAD_IMAGES: u32 = 15;
/// How often the port is touched while nothing happens.
const STILL_THERE: Duration = Duration::from_secs(60);

/// What the gate is doing.
pub struct Gate<'a, 'b> {
    module: &'b mut Module<'a>,
    /// Since when the finger that was read lies.
    lying: Option<Instant>,
    /// When the sign goes off.
    sign_ends: Option<Instant>,
    bad_images: u32,
    said: Instant,
    unknown: u64,
    lacks: Option<Trouble>,
}

/// What became of an image.
enum Image {
    Features,
    Lifted,
    Bad(Code),
}

/// Stays at the gate until something goes wrong. `lacks` is what went wrong with the last finger, if that was a command.
pub async fn stay(module: &mut Module<'_>, lacks: Option<Trouble>) -> Result<Infallible, Trouble> {
    let port = module.port;
    let poll = module.settings.poll;
    let said = Instant::now();
    let mut gate = Gate { module, lying: None, sign_ends: None, bad_images: 0, said, unknown: 0, lacks };
    gate.light().guide(&mut gate.module.session, Guide::Nothing).await?;
    gate.say();
    loop {
        tokio::select! {
            request = port.request() => {
                let enrols = request.command == Command::EnrolFinger;
                if enrols {
                    port.health(enrolling(&gate.module.settings.place));
                }
                orders::carry_out(gate.module, request).await?;
                // The finger that was enrolled still lies, and is no punch.
                gate.lying = enrols.then(Instant::now);
                gate.sign_ends = Some(Instant::now() + SIGN_STAYS);
                gate.say();
            }
            () = sleep(poll) => gate.look().await?,
        }
        if gate.module.session.shaken() {
            gate.module.look_who_it_is().await?;
            gate.say();
        }
    }
}

impl Gate<'_, '_> {
    fn light(&self) -> Light {
        self.module.known.light.unwrap_or(Light::Dark)
    }

    /// Says how it is.
    fn say(&mut self) {
        self.said = Instant::now();
        let place = &self.module.settings.place;
        let lies = self.lying.is_some_and(|since| since.elapsed() > NO_FINGER_LIES);
        let health = if lies {
            Health::warning(Text::new(
                format!(
                    "something lies on the fingerprint module at {place}, so that no finger can be read: wipe the glass"
                ),
                format!("{place} 处的指纹模块上一直有异物，无法读取手指：请擦拭传感器表面"),
            ))
        } else if let Some(lacks) = &self.lacks {
            Health::warning(lacks.text(place))
        } else if self.bad_images >= BAD_IMAGES {
            Health::warning(Text::new(
                format!("the fingerprint module at {place} has taken only bad images for a while: wipe the glass"),
                format!("{place} 处的指纹模块近来采集的图像都不清晰：请擦拭传感器表面"),
            ))
        } else {
            self.module.health()
        };
        self.module.port.health(health);
    }

    /// One look at the glass.
    async fn look(&mut self) -> Result<(), Trouble> {
        let seen = self.module.session.code(Ask::GenImg).await?;
        if self.module.session.shaken() {
            return Ok(());
        }
        match seen {
            Code::NoFinger => {
                let long = self.lying.take().is_some_and(|since| since.elapsed() > NO_FINGER_LIES);
                if self.sign_ends.is_some_and(|end| Instant::now() >= end) {
                    self.sign_ends = None;
                    self.light().guide(&mut self.module.session, Guide::Nothing).await?;
                }
                if long || self.said.elapsed() >= STILL_THERE {
                    self.say();
                }
                Ok(())
            }
            Code::Ok if self.lying.is_none() => self.read_finger().await,
            code if code.is_refusal() => Err(refuses(Ask::GenImg, code)),
            _ => {
                if self.said.elapsed() >= STILL_THERE {
                    self.say();
                }
                Ok(())
            }
        }
    }

    /// A finger has been laid on.
    async fn read_finger(&mut self) -> Result<(), Trouble> {
        match self.features().await? {
            Image::Lifted => return Ok(()),
            Image::Bad(code) => return self.turn_away(code).await,
            Image::Features => self.bad_images = 0,
        }
        let found = self.module.search(1).await?;
        // What was silent meanwhile may be another module: its slots are other fingers. The finger still lies, and is read again.
        if self.module.session.shaken() {
            return Ok(());
        }
        self.lying = Some(Instant::now());
        if self.lacks.is_some() && !found.as_ref().err().is_some_and(|code| code.is_refusal()) {
            self.lacks = None;
            self.say();
        }
        match found {
            Ok((hit, answer)) => match self.module.slot_of(hit) {
                Some(slot) => {
                    let shift = self.module.shift_of(hit);
                    // What one hit has shown holds for all.
                    self.module.known.shift = shift;
                    self.tell(slot, shift.is_some(), answer).await
                }
                None => self.show(&unknown_finger()).await,
            },
            Err(Code::NotFound | Code::LibraryEmpty | Code::NoMatch) => {
                self.unknown += 1;
                tracing::debug!(count = self.unknown, "a finger that is not in the module");
                self.show(&unknown_finger()).await
            }
            Err(code) if code.is_refusal() => Err(refuses(Ask::Search { buffer: 1, start: 0, count: 0 }, code)),
            Err(code) => self.turn_away(code).await,
        }
    }

    /// Features of the finger, into the first buffer.
    async fn features(&mut self) -> Result<Image, Trouble> {
        let mut worst = Code::TooFewPoints;
        for images in 1..=IMAGES {
            worst = match self.module.session.code(Ask::Img2Tz { buffer: 1 }).await? {
                Code::Ok => return Ok(Image::Features),
                // That is said of the command, and nothing of the finger.
                code if code.is_refusal() => return Err(refuses(Ask::Img2Tz { buffer: 1 }, code)),
                code => code,
            };
            if images < IMAGES {
                sleep(self.module.settings.poll / 2).await;
                match self.module.session.code(Ask::GenImg).await? {
                    Code::NoFinger if images == 1 => return Ok(Image::Lifted),
                    Code::NoFinger => break,
                    _ => {}
                }
            }
        }
        Ok(Image::Bad(worst))
    }

    /// The image is no good: the person is told what to do about it.
    async fn turn_away(&mut self, code: Code) -> Result<(), Trouble> {
        self.lying = Some(Instant::now());
        self.bad_images = self.bad_images.saturating_add(1);
        if self.bad_images == BAD_IMAGES {
            self.say();
        }
        self.show(&Sign::refused(bad_image(code))).await
    }

    /// A finger of the library: told, and answered.
    async fn tell(&mut self, slot: u16, sure: bool, answer: Answer) -> Result<(), Trouble> {
        if self.module.known.name(slot).is_none() {
            // Stored by another program since the index was read. Its name is committed with what it is the name of.
            let generation = self.module.next_generation().await?;
            self.module.known.foreign.insert(slot, generation);
            self.module.commit(Vec::new()).await?;
        }
        let Some(name) = self.module.known.name(slot) else { return Ok(()) };
        let profile = self.module.known.model().chars().take(40).collect::<String>();
        let doubt = (!sure).then(|| Doubt::Said { text: one_off(slot) });
        let reading = Reading { doubt, ..Reading::now(Credential::Finger(name), Method::Finger, profile, answer.raw) };
        let port = self.module.port.clone();
        let mut receipt = std::pin::pin!(port.submit_one(reading));
        // Whether the finger is lifted is looked at meanwhile, so that the next one can follow at once.
        let mut broken = None;
        let receipt: Result<Receipt, _> = loop {
            tokio::select! {
                biased;
                receipt = &mut receipt => break receipt,
                () = sleep(self.module.settings.poll), if broken.is_none() => {
                    match self.module.session.code(Ask::GenImg).await {
                        Ok(Code::NoFinger) => self.lying = None,
                        Ok(_) => {}
                        Err(trouble) => broken = Some(trouble),
                    }
                }
            }
        };
        match broken {
            Some(trouble) => Err(trouble),
            None => self.show(&Sign::of(&receipt)).await,
        }
    }

    /// Waits, and sees meanwhile whether the finger is lifted. Ends early, with `true`, when the next one is there.
    async fn next_comes(&mut self, within: Duration) -> Result<bool, Trouble> {
        let end = Instant::now() + within;
        while Instant::now() < end {
            match self.module.session.code(Ask::GenImg).await? {
                Code::NoFinger => self.lying = None,
                Code::Ok if self.lying.is_none() => return Ok(true),
                _ => {}
            }
            sleep_until(end.min(Instant::now() + self.module.settings.poll)).await;
        }
        Ok(false)
    }

    async fn show(&mut self, sign: &Sign) -> Result<(), Trouble> {
        tracing::debug!(tone = sign.tone.word(), text = %sign.text, "answered at the module");
        let blinks = self.light().blinks(sign.tone);
        for lasts in blinks {
            self.module.session.suggest(Ask::LedOn).await?;
            let next = self.next_comes(Duration::from_millis(*lasts)).await?;
            self.module.session.suggest(Ask::LedOff).await?;
            if next || self.next_comes(BETWEEN_BLINKS).await? {
                break;
            }
        }
        if blinks.is_empty() {
            self.light().show(&mut self.module.session, sign.tone).await?;
        }
        self.sign_ends = Some(Instant::now() + SIGN_STAYS);
        Ok(())
    }
}

fn refuses(ask: Ask, code: Code) -> Trouble {
    Trouble::Refuses { command: ask.name(), code }
}

fn enrolling(place: &Place) -> Health {
    Health::working(Text::new(
        format!("a finger is being enrolled at {place}: no punches are read until that is over"),
        format!("{place} 正在登记指纹：登记结束前不读取打卡"),
    ))
}

fn one_off(slot: u16) -> Text {
    Text::new(
        format!(
            "this model may tell every finger one slot too high, and nothing has shown yet whether it does: the finger is in slot {slot} or in the one before; whoever is in the first slot should touch it once"
        ),
        format!(
            "该型号报告的存储位可能偏大 1，目前尚无法证实：该指纹在第 {slot} 位或其前一位；请让存于首位的人员按一次"
        ),
    )
}

fn unknown_finger() -> Sign {
    Sign {
        tone: Tone::Unknown,
        name: None,
        text: Text::new("Unknown finger. Try another one, or see the office.", "指纹未登记，请换一根手指或联系管理员"),
    }
}

/// What a person does about a bad image.
pub fn bad_image(code: Code) -> Text {
    match code {
        Code::TooMessy => Text::new(
            "The image is too messy: wipe the finger and the glass, and touch again.",
            "图像太乱：请擦净手指和传感器后重试",
        ),
        Code::TooFewPoints => Text::new(
            "Too little of the finger is seen: lay it flat on the middle; moisten it if it is dry.",
            "特征点太少：请将手指平放在中央，手指过干请稍微湿润",
        ),
        Code::ImageFailed | Code::NoValidImage => Text::new(
            "No image was taken: hold the finger still, and touch again.",
            "未能采集图像：请保持手指不动后重试",
        ),
        _ => Text::new("The module could not read the finger: touch again.", "模块未能读取手指，请重试"),
    }
}

/// Waits until no finger lies, at most this long.
pub async fn lifted(module: &mut Module<'_>, at_most: Duration) -> Result<bool, Trouble> {
    let poll = module.settings.poll;
    let wait = async {
        while module.session.code(Ask::GenImg).await? != Code::NoFinger {
            sleep(poll).await;
        }
        Ok(())
    };
    match timeout(at_most, wait).await {
        Ok(outcome) => outcome.map(|()| true),
        Err(_) => Ok(false),
    }
}
