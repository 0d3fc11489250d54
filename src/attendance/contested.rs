//! Whose a reading cannot be for certain, although the people list names somebody.

use jiff::civil::Date;

use super::dating::Dated;
use super::people::{HandedOn, Known, People};
use super::rules::UserIdRule;
use super::verdict::Reason;
use crate::clock::UnixMillis;
use crate::journal::{Evidence, OrganisationId};

/// Whether it is dated before its credential was given to another person, and came afterwards.
pub(super) fn handed_on(
    people: &People,
    organisation: OrganisationId,
    evidence: &Evidence,
    dated: &Dated,
) -> Option<Reason> {
    let happened = UnixMillis(dated.time_s.saturating_mul(1000));
    let HandedOn { since, former } =
        people.contested(organisation, &evidence.credential, happened, evidence.stamp.wall)?;
    Some(Reason::HandedOn { former: former.clone(), since_ms: since.0 })
}

/// Whether the event names somebody else as well.
pub(super) fn names_another(
    people: &People,
    organisation: OrganisationId,
    evidence: &Evidence,
    whose: &Known,
    rule: &UserIdRule,
    day: Option<Date>,
) -> Option<Reason> {
    let other = people.find(organisation, evidence.also.as_ref()?, rule, day)?;
    (other.person != whose.person).then(|| Reason::TwoPeople { one: whose.name.clone(), other: other.name.clone() })
}
