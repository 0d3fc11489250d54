//! Taking a finger: two touches with a lift between them, told step by step; given up at any step when nobody waits any more.
//!
//! Meanwhile no punches are read: the module has one glass. What a crash leaves is never somebody's by accident: the finger is stored
//! in the module, then named in the cursor, then answered; between the first two it is a foreign finger at the next start.

use std::time::Duration;

use punchd_contract::{Done, FingerName, Request, StoredFinger, Template, Text, Tone};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::gate::{bad_image, lifted};
use crate::light::{Guide, Light};
use crate::module::Module;
use crate::orders::{Outcome, failed};
use crate::protocol::{Ask, Code};
use crate::trouble::Trouble;

/// How long each touch and each lift is waited for.
const TOUCH_WAITS: Duration = Duration::from_secs(30);
/// How often two touches may turn out not to fit together.
const ROUNDS: usize = 3;

/// Why no finger was taken.
enum NoFinger {
    /// Nobody waits for it any more.
    GivenUp,
    /// This.
    Why(Text),
    /// The module.
    Trouble(Trouble),
}

impl From<Trouble> for NoFinger {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Takes a finger and stores it.
pub async fn enrol(module: &mut Module<'_>, request: &mut Request) -> Outcome {
    let light = module.known.light.unwrap_or(Light::Dark);
    let taken = match module.known.free() {
        None => Err(NoFinger::Why(full())),
        Some(slot) => taken(module, light, request).await.map(|()| slot),
    };
    let stored = match taken {
        // From here on it is a matter of a second or two, and is not broken off in the middle.
        Ok(slot) => store(module, slot).await,
        Err(why) => Err(why),
    };
    match stored {
        Ok(stored) if request.answer.is_closed() => {
            let removed = remove(module, &stored.name).await?;
            light.guide(&mut module.session, Guide::Nothing).await?;
            failed(removed.err().unwrap_or_else(given_up))
        }
        Ok(stored) => {
            light.show(&mut module.session, Tone::Accepted).await?;
            let name = stored.name.0.clone();
            let text = Text::new(format!("the finger is stored as {name}"), format!("指纹已存为 {name}"));
            Ok(Ok(Done { text, finger: Some(stored) }))
        }
        Err(NoFinger::GivenUp) => {
            light.guide(&mut module.session, Guide::Nothing).await?;
            failed(given_up())
        }
        Err(NoFinger::Why(text)) => {
            light.show(&mut module.session, Tone::Refused).await?;
            failed(text)
        }
        Err(NoFinger::Trouble(trouble)) => Err(trouble),
    }
}

/// The touches, unless they are given up.
async fn taken(module: &mut Module<'_>, light: Light, request: &mut Request) -> Result<(), NoFinger> {
    let steps = request.progress.clone();
    tokio::select! {
        biased;
        () = request.given_up() => Err(NoFinger::GivenUp),
        taken = touches(module, light, &steps) => taken,
    }
}

/// Two touches that fit together, merged in the first two buffers.
async fn touches(module: &mut Module<'_>, light: Light, steps: &mpsc::Sender<Text>) -> Result<(), NoFinger> {
    // Nobody may be listening; and who does not keep up with the steps has no use for them.
    let tell = |text: Text| {
        let _ = steps.try_send(text);
    };
    let first = || Text::new("lay the finger on the module", "请将手指放在指纹模块上");
    let again = || Text::new("lay the same finger on once more", "请再次放上同一根手指");
    let lift = || Text::new("lift the finger", "请抬起手指");
    // Whoever punched last may still have a finger on it.
    if module.session.code(Ask::GenImg).await? != Code::NoFinger {
        tell(lift());
        lift_off(module, light).await?;
    }
    for round in 1..=ROUNDS {
        tell(first());
        touch(module, light, 1, &tell).await?;
        if let Ok((hit, _)) = module.search(1).await? {
            let name = module.slot_of(hit).and_then(|slot| module.known.name(slot));
            return Err(NoFinger::Why(exists(name)));
        }
        tell(lift());
        lift_off(module, light).await?;
        tell(again());
        touch(module, light, 2, &tell).await?;
        match module.session.code(Ask::RegModel).await? {
            Code::Ok => return Ok(()),
            Code::FingerExists => return Err(NoFinger::Why(exists(None))),
            _ if round < ROUNDS => {
                tell(Text::new(
                    "the two touches do not fit together: use the same finger, in the same way; lift it",
                    "两次按压不一致：请用同一根手指以相同方式按压；请先抬起手指",
                ));
                lift_off(module, light).await?;
            }
            _ => {}
        }
    }
    Err(NoFinger::Why(Text::new(
        "the touches do not fit together: try again with another finger",
        "多次按压不一致：请换一根手指重新登记",
    )))
}

/// One good touch, into a buffer.
async fn touch(module: &mut Module<'_>, light: Light, buffer: u8, tell: &impl Fn(Text)) -> Result<(), NoFinger> {
    light.guide(&mut module.session, Guide::Touch).await?;
    let end = Instant::now() + TOUCH_WAITS;
    let mut told = None;
    while Instant::now() < end {
        let seen = match module.session.code(Ask::GenImg).await? {
            Code::Ok => module.session.code(Ask::Img2Tz { buffer }).await?,
            seen => seen,
        };
        match seen {
            Code::Ok => return Ok(()),
            Code::NoFinger => told = None,
            // Once a touch: the same again and again helps nobody.
            code if told != Some(code) => {
                told = Some(code);
                tell(bad_image(code));
            }
            _ => {}
        }
        sleep(module.settings.poll).await;
    }
    Err(NoFinger::Why(Text::new("no finger came within 30 s: begin again", "30 秒内没有手指放上：请重新开始")))
}

async fn lift_off(module: &mut Module<'_>, light: Light) -> Result<(), NoFinger> {
    light.guide(&mut module.session, Guide::Lift).await?;
    if lifted(module, TOUCH_WAITS).await? {
        return Ok(());
    }
    Err(NoFinger::Why(Text::new(
        "the finger was not lifted within 30 s: begin again; if there is none, wipe the glass",
        "30 秒内未抬起手指：请重新开始；若未放手指，请擦拭传感器",
    )))
}

async fn store(module: &mut Module<'_>, slot: u16) -> Result<StoredFinger, NoFinger> {
    let name = into_slot(module, slot).await?.map_err(NoFinger::Why)?;
    let template = module.template_of(slot).await?;
    if let Some(template) = &template {
        module.known.template = Some(template.len());
    }
    let model = module.known.model();
    let finger = StoredFinger { name, template: template.map(|bytes| Template { model, bytes }) };
    kept(module, slot).await?.map_err(NoFinger::Why)?;
    Ok(finger)
}

/// Stores what the first buffer holds. It has a name from then on; that is not committed yet.
pub async fn into_slot(module: &mut Module<'_>, slot: u16) -> Result<Result<FingerName, Text>, Trouble> {
    if module.holds(slot).await? {
        // Another program is at work: what it has stored is found at the next start.
        return Ok(Err(Text::new(
            "another program has stored a finger at this moment: begin again",
            "另一程序刚刚存入了指纹：请重新开始",
        )));
    }
    let generation = module.next_generation().await?;
    match module.session.code(Ask::Store { buffer: 1, page: slot }).await? {
        Code::Ok => {}
        Code::LibraryFull => return Ok(Err(full())),
        Code::FingerExists => return Ok(Err(exists(None))),
        code => {
            return Ok(Err(Text::new(
                format!("the module did not store the finger ({code:?}): try again"),
                format!("模块未能保存指纹（{code:?}）：请重试"),
            )));
        }
    }
    if !module.holds(slot).await? {
        // Stored somewhere else than where it was told to: not ours to name.
        return Ok(Err(Text::new(
            "the module did not store the finger where it should: this model cannot be used for enrolment",
            "模块未将指纹存入指定位置：该型号无法用于登记",
        )));
    }
    module.known.ours.insert(slot, generation);
    module.known.replaces = false;
    if module.known.shift.is_none() {
        module.learn_shift(std::iter::once(slot)).await?;
    }
    let name = module.known.name(slot);
    Ok(name.ok_or_else(|| Text::new("the finger has no name: a defect of punchd", "指纹没有名称，这是 punchd 的缺陷")))
}

/// Commits a slot that was just stored; what cannot be kept is taken out again.
pub async fn kept(module: &mut Module<'_>, slot: u16) -> Result<Result<(), Text>, Trouble> {
    module.choose_witness().await?;
    let Err(trouble) = module.commit(Vec::new()).await else { return Ok(Ok(())) };
    module.session.code(Ask::DeletChar { page: slot, count: 1 }).await?;
    module.known.forget(slot);
    Ok(Err(Text::new(
        format!("the finger could not be recorded and was not kept: {trouble}"),
        format!("指纹未能记录，因此未保存：{trouble}"),
    )))
}

/// Deletes a finger, then forgets its name.
pub async fn remove(module: &mut Module<'_>, name: &FingerName) -> Result<Result<(), Text>, Trouble> {
    let Some(slot) = module.known.slot(name) else { return Ok(Ok(())) };
    let code = module.session.code(Ask::DeletChar { page: slot, count: 1 }).await?;
    if module.holds(slot).await? {
        return Ok(Err(Text::new(
            format!("the module did not delete the finger ({code:?}): try again"),
            format!("模块未能删除指纹（{code:?}）：请重试"),
        )));
    }
    module.known.forget(slot);
    module.choose_witness().await?;
    module.commit(Vec::new()).await?;
    Ok(Ok(()))
}

/// There is no room.
pub fn full() -> Text {
    Text::new(
        "the module's library is full: delete the fingers of people who have left",
        "模块指纹库已满：请删除已离职人员的指纹",
    )
}

/// It is there already.
pub fn exists(name: Option<FingerName>) -> Text {
    match name {
        Some(FingerName(name)) => Text::new(
            format!("this finger is stored already, as {name}: use another finger, or delete that one first"),
            format!("该指纹已登记，名称为 {name}：请换一根手指，或先删除原有指纹"),
        ),
        None => Text::new("this finger is stored already: use another finger", "该指纹已登记：请换一根手指"),
    }
}

fn given_up() -> Text {
    Text::new("given up; nothing was stored", "已取消，未保存任何内容")
}
