//! The reference of all settings, made from the declarations; `docs/config.md` is this text.

use std::fmt::Write;

use punchd_contract::{Default, Driver, Shape};

use super::declared::{Block, Form};
use super::destination::DESTINATIONS;
use super::shape::{right, right_form};
use super::{BLOCKS, TOP};

/// The reference in Markdown, English and Chinese side by side.
pub fn reference(drivers: &[&'static dyn Driver]) -> String {
    let mut page = String::from(
        "# Settings / 设置\n\n\
         `punchd.toml`, and `conf.d/*.toml` beside it in the order of their names. Sections in brackets stand once, those in\n\
         double brackets any number of times. `punchd check` names every mistake and says what the configuration will do.\n\n\
         主文件 `punchd.toml`，以及同目录 `conf.d/*.toml`（按文件名顺序）。单括号的段只写一次，双括号的段可写多次。\n\
         `punchd check` 会指出全部错误，并说明配置的作用。\n\n\
         A secret never stands in these files: `{ file = \"…\" }` reads a file, `{ env = \"…\" }` an environment variable,\n\
         `{ credential = \"…\" }` a credential of systemd.\n\n\
         机密不写在这些文件里：`{ file = \"…\" }` 读文件，`{ env = \"…\" }` 读环境变量，`{ credential = \"…\" }` 读 systemd 凭据。\n",
    );
    section(&mut page, "## Before the first section / 段之前", &TOP);
    for block in BLOCKS {
        let title = if block.repeated { format!("[[{}]]", block.name) } else { format!("[{}]", block.name) };
        section(&mut page, &format!("## `{title}`"), block);
        if block.name == "device" {
            for driver in drivers {
                let declaration = driver.declaration();
                kind(&mut page, declaration.kind, declaration.en, declaration.zh, declaration.settings);
            }
        }
        if block.name == "destination" {
            for declared in DESTINATIONS {
                kind(&mut page, declared.kind, declared.en, declared.zh, declared.settings);
            }
        }
    }
    page
}

fn section(page: &mut String, heading: &str, block: &Block) {
    head(page, heading, block.en, block.zh);
    for setting in block.settings {
        let right = right_form(&setting.form).0;
        let quoted =
            !matches!(setting.form, Form::Shape(Shape::Integer(..) | Shape::Boolean) | Form::Date | Form::History);
        row(page, setting.key, &right, &setting.default, quoted, (setting.en, setting.zh));
    }
}

fn kind(page: &mut String, word: &str, en: &str, zh: &str, settings: &[punchd_contract::Setting]) {
    head(page, &format!("### `kind = \"{word}\"`"), en, zh);
    for setting in settings {
        let quoted = !matches!(setting.shape, Shape::Integer(..) | Shape::Boolean | Shape::Texts | Shape::Integers(..));
        row(page, setting.key, &right(&setting.shape).0, &setting.default, quoted, (setting.en, setting.zh));
    }
}

fn head(page: &mut String, heading: &str, en: &str, zh: &str) {
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n{heading}\n\n{en}\n\n{zh}\n\n| setting | wants | default | meaning / 含义 |\n|---|---|---|---|\n"
    );
}

fn row(page: &mut String, key: &str, wants: &str, default: &Default, quoted: bool, (en, zh): (&str, &str)) {
    let default = match default {
        Default::Required => "**required**".to_owned(),
        Default::Absent => String::new(),
        Default::Is(written) if quoted => format!("`\"{}\"`", written.trim_matches('"')),
        Default::Is(written) => format!("`{written}`"),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    let _ = writeln!(page, "| `{key}` | {} | {} | {}<br>{} |", cell(wants), cell(&default), cell(en), cell(zh));
}
