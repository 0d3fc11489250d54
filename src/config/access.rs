//! Whether the agent's user may use the files that a configuration names.

use super::check::Check;
use super::eyes::{Eyes, Sight};
use super::source::{Place, Sources};
use super::{Config, Sections};

/// The configuration's own files, the people file, and the folder of the journal.
pub(super) fn check(check: &mut Check<'_>, sources: &Sources, sections: &Sections<'_>, config: &Config, eyes: &Eyes) {
    for (file, path) in sources.paths().iter().enumerate() {
        let sight = eyes.read(path);
        tell(check, Place { file, offset: 0 }, "this file", eyes, &sight);
    }
    if let Some(path) = &config.people_file {
        let at = place(sections, "people", "file").unwrap_or(sources.start());
        tell(check, at, "`file`", eyes, &eyes.read(path));
    }
    let data = &config.gateway.data;
    if data.is_dir() {
        let at = place(sections, "gateway", "data").unwrap_or(sources.start());
        let sight = eyes.write_in(data);
        if let Sight::Closed(path, owned) = &sight {
            let (name, path) = (&eyes.name, path.display());
            check.findings.mistake(
                at,
                format!("the user {name} may not write into `data`: {path} is closed to it ({owned}): chown -R {name}: {path}"),
                format!("用户 {name} 无权写入 `data`：{path} 不对其开放（{owned}）：请执行 chown -R {name}: {path}"),
            );
        }
    }
}

fn place(sections: &Sections<'_>, section: &str, key: &str) -> Option<Place> {
    sections.one(section).get(key).map(|entry| entry.at)
}

/// Says that the agent's user may not read something, or that whoever checks cannot tell. What is not there is told elsewhere.
pub(super) fn tell(check: &mut Check<'_>, at: Place, what: &str, eyes: &Eyes, sight: &Sight) {
    let name = &eyes.name;
    match sight {
        Sight::Open | Sight::Absent => {}
        Sight::Closed(path, owned) => {
            let folder = path.is_dir();
            let shown = path.display();
            let rights = if folder { "chmod 750" } else { "chmod 640" };
            check.findings.mistake(
                at,
                format!("the user {name}, as whom punchd runs, may not read {what}: {shown} is closed to it ({owned}): chgrp {name} {shown} && {rights} {shown}"),
                format!("punchd 的运行用户 {name} 无权读取 {what}：{shown} 不对其开放（{owned}）：请执行 chgrp {name} {shown} && {rights} {shown}"),
            );
        }
        Sight::Hidden(seen) => {
            let seen = seen.display();
            check.findings.warning(
                at,
                format!("you may not look beyond {seen}, so nobody knows whether the user {name} may read {what}: sudo punchd check"),
                format!("您无权查看 {seen} 之下的内容，无法判断用户 {name} 能否读取 {what}：请执行 sudo punchd check"),
            );
        }
    }
}
