//! What the agent wants done at a module.

use punchd_contract::{Command, CommandError, Done, FingerName, Request, StoredFinger, Template, Text};

use crate::enrol::{enrol, exists, full, into_slot, kept, remove};
use crate::light::{Guide, Light};
use crate::module::Module;
use crate::protocol::Code;
use crate::trouble::Trouble;

/// What became of an order; a trouble ends the conversation with the module.
pub type Outcome = Result<Result<Done, CommandError>, Trouble>;

/// No template is longer (facts/readers.md C.2).
const MOST_TEMPLATE: usize = 4096;

/// Carries one request out and answers it. A trouble is answered and handed on.
pub async fn carry_out(module: &mut Module<'_>, mut request: Request) -> Result<(), Trouble> {
    let outcome = match request.command.clone() {
        Command::Identify => identify(module).await,
        Command::EnrolFinger => enrol(module, &mut request).await,
        Command::StoreFinger { template } => store(module, template).await,
        Command::DeleteFinger { finger } => delete(module, &finger).await,
        _ => Ok(Err(CommandError::Unsupported)),
    };
    match outcome {
        Ok(answer) => {
            request.answer(answer);
            Ok(())
        }
        Err(trouble) => {
            request.answer(Err(CommandError::Unreachable(trouble.text(&module.settings.place))));
            Err(trouble)
        }
    }
}

/// The order was understood and not carried out, for this reason.
pub fn failed(text: Text) -> Outcome {
    Ok(Err(CommandError::Failed(text)))
}

fn said(en: impl Into<String>, zh: impl Into<String>) -> Outcome {
    Ok(Ok(Done::said(Text::new(en, zh))))
}

async fn identify(module: &mut Module<'_>) -> Outcome {
    match module.known.light.unwrap_or(Light::Dark) {
        Light::Dark => failed(Text::new("this module has no light that can be switched", "该模块没有可控制的指示灯")),
        light => {
            light.guide(&mut module.session, Guide::Here).await?;
            said("it blinked", "指示灯已闪烁")
        }
    }
}

/// Stores a finger that was enrolled at another module of the same model. Sent twice, it is stored once.
async fn store(module: &mut Module<'_>, template: Template) -> Outcome {
    let model = module.known.model();
    if template.model != model {
        return failed(Text::new(
            format!("this module is a {model}, the finger is of a {}: enrol the person here", template.model),
            format!("该模块型号为 {model}，指纹来自 {}：请在此模块上重新登记", template.model),
        ));
    }
    if template.bytes.is_empty() || template.bytes.len() > MOST_TEMPLATE {
        return failed(Text::new("the template has no length that a template has", "指纹模板的长度不合理"));
    }
    if module.session.download(1, &template.bytes).await? != Code::Ok
        || module.template_in(1).await?.as_ref() != Some(&template.bytes)
    {
        return failed(Text::new(
            "the template did not arrive in the module as it was sent: try again, or enrol the person here",
            "模板写入模块后与原内容不一致：请重试，或在此模块上重新登记",
        ));
    }
    if let Ok((hit, _)) = module.search(1).await? {
        let Some(slot) = module.slot_of(hit) else { return failed(exists(None)) };
        return there_already(module, slot, &template).await;
    }
    let Some(slot) = module.known.free() else { return failed(full()) };
    // The search has left the buffer as it was, but that is said by no manual of all models.
    if module.template_in(1).await?.as_ref() != Some(&template.bytes) {
        module.session.download(1, &template.bytes).await?;
    }
    let name = match into_slot(module, slot).await? {
        Ok(name) => name,
        Err(text) => return failed(text),
    };
    match kept(module, slot).await? {
        Ok(()) => stored(name),
        Err(text) => failed(text),
    }
}

fn stored(name: FingerName) -> Outcome {
    let text = Text::new(format!("the finger is stored as {}", name.0), format!("指纹已存为 {}", name.0));
    Ok(Ok(Done { text, finger: Some(StoredFinger { name, template: None }) }))
}

/// The finger is in the module: by an answer that was lost, if the bytes are the same; otherwise it was enrolled here.
async fn there_already(module: &mut Module<'_>, slot: u16, template: &Template) -> Outcome {
    let same = module.template_of(slot).await?.as_ref() == Some(&template.bytes);
    let Some(name) = module.known.name(slot).filter(|_| same) else {
        return failed(exists(module.known.name(slot)));
    };
    if let Some(generation) = module.known.foreign.remove(&slot) {
        module.known.ours.insert(slot, generation);
        module.commit(Vec::new()).await?;
    }
    stored(name)
}

async fn delete(module: &mut Module<'_>, finger: &FingerName) -> Outcome {
    if !module.known.gave(finger) {
        return failed(Text::new(
            format!("{} is in another module than the one that is here", finger.0),
            format!("{} 不在当前模块中，而在另一块模块中", finger.0),
        ));
    }
    if module.known.slot(finger).is_none() {
        return said(format!("{} was not in the module", finger.0), format!("模块中没有 {}", finger.0));
    }
    match remove(module, finger).await? {
        Ok(()) => said(format!("{} was deleted from the module", finger.0), format!("{} 已从模块删除", finger.0)),
        Err(text) => failed(text),
    }
}
