//! `punchd-sim wecom`: the stand-in, alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use punchd_sim::clock;
use punchd_sim::people::roster;
use punchd_sim::standin::{
    Atomicity, Behaviour, CORP_ID, Duplicates, Errcode, Lengths, Limits, Members, Options, Reissue, SECRET, Standin,
};

use super::{Failure, ready, until_stopped};

/// Be WeCom's server.
#[derive(Debug, Args)]
pub(super) struct Wecom {
    /// Where to listen; port 0 takes any free one. There is no TLS: keep it on the bench.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The corp id to log in with.
    #[arg(long, value_name = "ID", default_value = CORP_ID)]
    corp_id: String,
    /// The app's secret to log in with; several for several apps.
    #[arg(long = "secret", value_name = "SECRET", default_value = SECRET)]
    secrets: Vec<String>,
    /// A member of the corp.
    #[arg(long = "user", value_name = "USERID")]
    users: Vec<String>,
    /// Members, one a line; of a CSV file the first column counts, and a heading `userid` is passed over.
    #[arg(long, value_name = "FILE")]
    users_file: Option<PathBuf>,
    /// So many invented people are members (see `punchd-sim people`).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    people: Option<u32>,
    /// Everybody is a member; so it is too when no members are named.
    #[arg(long, conflicts_with_all = ["users", "users_file", "people"])]
    any_user: bool,
    /// Uploaded pictures that a record may name.
    #[arg(long = "media", value_name = "MEDIA_ID")]
    media: Vec<String>,
    /// Nothing of a batch is stored when one record is bad (this is the default).
    #[arg(long)]
    atomic: bool,
    /// The good records of a batch are stored when one is bad.
    #[arg(long, conflicts_with = "atomic")]
    partial: bool,
    /// A record that came before is kept a second time, and shown twice.
    #[arg(long)]
    keep_duplicates: bool,
    /// Lengths are counted in bytes, not in characters.
    #[arg(long)]
    count_bytes: bool,
    /// How unknown members are refused.
    #[arg(long, value_name = "ERRCODE", default_value = "60111", value_parser = ["60111", "301021", "40003", "46004"])]
    unknown_user: String,
    /// A stored record shows in getcheckindata only after this.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    visible_after: Duration,
    /// A member whom no punch rule covers: stored, never shown.
    #[arg(long, value_name = "USERID")]
    uncovered: Vec<String>,
    /// A member on the night shift, 20:00 to 05:00.
    #[arg(long, value_name = "USERID")]
    night_shift: Vec<String>,
    /// How far in the future a punch may be.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    future_skew: Duration,
    /// How old a punch may be; any age without it.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    oldest: Option<Duration>,
    /// How long a token lives.
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    token_lifetime: Duration,
    /// A new token voids the one before.
    #[arg(long)]
    one_token: bool,
    /// Answer in every odd way that clients have met: numbers as strings, a byte order mark, unknown fields.
    #[arg(long)]
    quirky: bool,
    /// Every answer waits this long.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    delay: Duration,
    /// Call as often as you like.
    #[arg(long)]
    no_rate_limit: bool,
}

impl Wecom {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let standin = Standin::start(self.options()?).await;
        let standin = standin.map_err(|error| Failure::Unavailable(format!("cannot listen there: {error}")))?;
        ready::say("wecom", standin.address(), Some(standin.base_url()))?;
        until_stopped().await
    }

    fn options(self) -> Result<Options, Failure> {
        let members = self.members()?;
        // The value parser has let only numbers through.
        let unknown_user = self.unknown_user.parse().map_or(Errcode::USER_NOT_FOUND, Errcode);
        let behaviour = Behaviour {
            atomicity: if self.partial { Atomicity::Partial } else { Atomicity::Atomic },
            duplicates: if self.keep_duplicates { Duplicates::Keep } else { Duplicates::Drop },
            lengths: if self.count_bytes { Lengths::Bytes } else { Lengths::Characters },
            unknown_user,
            uncovered: self.uncovered.into_iter().collect(),
            night_shift: self.night_shift.into_iter().collect(),
            visible_after: self.visible_after,
            quirky: self.quirky,
            future_skew: self.future_skew,
            oldest: self.oldest,
            token_lifetime: self.token_lifetime,
            reissue: if self.one_token { Reissue::OldDies } else { Reissue::Same },
            delay_answer: self.delay,
            ..Behaviour::default()
        };
        Ok(Options {
            listen: self.listen,
            corp_id: self.corp_id,
            secrets: self.secrets,
            members,
            media: self.media,
            limits: if self.no_rate_limit { Limits::NONE } else { Limits::WECOM },
            behaviour,
            ..Options::new(clock::real())
        })
    }

    fn members(&self) -> Result<Members, Failure> {
        let mut members = self.users.clone();
        members.extend(roster(self.people.unwrap_or(0) as usize).into_iter().map(|person| person.userid));
        if let Some(file) = &self.users_file {
            let unreadable = |why: String| Failure::Unavailable(format!("cannot read {}: {why}", file.display()));
            let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
            let listed = members_of(&text);
            if listed.is_empty() {
                return Err(Failure::Usage(format!("{} names no member: one userid a line", file.display())));
            }
            members.extend(listed);
        }
        Ok(if members.is_empty() { Members::Matching("*".into()) } else { Members::Listed(members) })
    }
}

/// The first column of each line that is no comment and no heading.
fn members_of(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    let first =
        |line: &str| line.split([',', ';', '\t']).next().unwrap_or_default().trim().trim_matches('"').to_owned();
    let lines = text.lines().map(first);
    lines.filter(|word| !word.is_empty() && !word.starts_with('#') && !word.eq_ignore_ascii_case("userid")).collect()
}

/// A duration as people write it: `10s`, `5min`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is no duration: write it like 10s, 5m or 2h"))?;
    Duration::try_from(span).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, members_of};

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(duration("-1s").is_err());
        assert!(duration("soon").is_err());
    }

    #[test]
    fn a_list_of_members_may_be_plain_or_a_table() {
        assert_eq!(members_of("\u{feff}userid,name\nwang,王\n# nobody\n\nli\n"), ["wang", "li"]);
    }
}
