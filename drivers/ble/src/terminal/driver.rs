//! The conversation with a device that notifies.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use punchd_contract::{CommandError, Condition, DriverError, Health, Member, Misread, Port, Sign, Text};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::Settings;
use crate::protocol::content;
use crate::protocol::frame::Decoder;
use crate::radio::{Link, Radio, Source, State, Trouble};

/// The first and the longest wait before trying again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// A link that held for so long was a good one: the next is tried at once.
const STEADY: Duration = Duration::from_secs(30);
/// How often an idle device's health is said again, so that its driver is not taken for dead.
const TOUCH: Duration = Duration::from_secs(240);

/// Serves the devices, each for itself.
pub(super) async fn run<S: Source>(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
    join_all(members.into_iter().map(serve::<S>)).await;
    Ok(())
}

async fn serve<S: Source>(member: Member<Settings>) {
    let radio = Radio::of::<S>(member.settings.adapter.as_deref());
    tokio::select! {
        never = refuse(&member.port) => match never {},
        never = connect_again(&member, &radio) => match never {},
    }
}

/// Such a device can be asked nothing.
async fn refuse(port: &Port) -> Infallible {
    loop {
        port.request().await.answer(Err(CommandError::Unsupported));
    }
}

async fn connect_again(member: &Member<Settings>, radio: &Arc<Radio>) -> Infallible {
    let wanted = &member.settings.wanted;
    let target = &wanted.target;
    let looking = Text::new(format!("looking for {target} over Bluetooth"), format!("正在通过蓝牙寻找 {target}"));
    member.port.health(Health { condition: Condition::Starting, text: looking });
    let mut wait = RETRY.0;
    loop {
        let trouble = match radio.link(wanted).await {
            Ok(link) => {
                let since = Instant::now();
                let trouble = Conversation::over(member, link).hold().await;
                if since.elapsed() >= STEADY {
                    wait = RETRY.0;
                }
                trouble
            }
            Err(trouble) => trouble,
        };
        tracing::info!(device = %member.device, %trouble, "Bluetooth device is not there");
        member.port.health(Health::fault(fault(&trouble, radio)));
        let mut state = radio.state();
        // A radio that comes back is no reason to wait any longer.
        let returns = async {
            if matches!(&*state.borrow_and_update(), State::Closed(_)) {
                // It ends with the radio, which is held here.
                let _ = state.wait_for(|state| matches!(state, State::Open(_))).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = returns => {}
        }
        wait = (wait * 2).min(RETRY.1);
    }
}

fn fault(trouble: &Trouble, radio: &Radio) -> Text {
    let text = trouble.text();
    match (trouble, *radio.silent().borrow()) {
        (Trouble::NotHeard(_), true) => Text::new(
            format!("{}. Nothing at all is heard over Bluetooth: `systemctl restart bluetooth` may help", text.en),
            format!("{}。蓝牙完全收不到信号：可尝试 `systemctl restart bluetooth`", text.zh),
        ),
        _ => text,
    }
}

/// What was presented last, and what was answered.
struct Last {
    frame: Vec<u8>,
    at: Instant,
    answer: Vec<u8>,
}

/// One link's worth of talking.
struct Conversation<'a> {
    member: &'a Member<Settings>,
    link: Link,
    decoder: Decoder,
    last: Option<Last>,
    /// What is to be looked at, if the last message was not what the settings say.
    doubt: Option<Text>,
}

impl<'a> Conversation<'a> {
    fn over(member: &'a Member<Settings>, link: Link) -> Self {
        Self { member, link, decoder: Decoder::new(member.settings.framing), last: None, doubt: None }
    }

    /// Talks until the link is gone.
    async fn hold(mut self) -> Trouble {
        match self.talk().await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        }
    }

    async fn talk(&mut self) -> Result<Infallible, Trouble> {
        let settings = &self.member.settings;
        for bytes in &settings.init {
            self.link.write(bytes).await?;
        }
        tracing::info!(device = %self.member.device, pipe = self.link.pipe(), "Bluetooth device is connected");
        let mut touch = interval(TOUCH);
        touch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let pause = async {
                if self.decoder.waits() {
                    sleep_until(heard + settings.pause).await;
                } else {
                    std::future::pending().await
                }
            };
            let frames = tokio::select! {
                // What has come is taken before a pause is believed.
                biased;
                bytes = self.link.read() => {
                    let bytes = bytes?;
                    heard = Instant::now();
                    self.decoder.push(&bytes)
                }
                () = pause => self.decoder.pause().into_iter().collect(),
                _ = touch.tick() => {
                    self.say();
                    continue;
                }
            };
            for frame in frames {
                self.take(frame).await?;
            }
        }
    }

    async fn take(&mut self, frame: Vec<u8>) -> Result<(), Trouble> {
        let settings = &self.member.settings;
        if let Some(last) = &self.last
            && last.frame == frame
            && last.at.elapsed() < settings.repeat
        {
            return self.link.write(&last.answer).await;
        }
        let (mut reading, doubt) = match content::read(&frame, &settings.prefix, settings.content) {
            None => return Ok(()),
            Some(Ok(reading)) => (reading, None),
            Some(Err(Misread { reading, text })) => (reading, Some(text)),
        };
        let how = reading.profile.as_deref().unwrap_or_default();
        reading.profile = Some(format!("ble:{} {how}", self.link.pipe()));
        let at = Instant::now();
        let answer = self.member.port.submit_one(reading).await;
        let told = settings.answers.as_ref().map(|answers| answers.bytes(&Sign::of(&answer))).unwrap_or_default();
        // Who was told to try again is not repeating himself.
        self.last = answer.is_ok().then(|| Last { frame, at, answer: told.clone() });
        self.doubt = doubt;
        self.say();
        self.link.write(&told).await
    }

    fn say(&self) {
        let target = &self.member.settings.wanted.target;
        let health = match &self.doubt {
            Some(doubt) => Health::warning(doubt.clone()),
            None => Health::working(Text::new(
                format!("connected to {target} over Bluetooth"),
                format!("已通过蓝牙连接 {target}"),
            )),
        };
        self.member.port.health(health);
    }
}
