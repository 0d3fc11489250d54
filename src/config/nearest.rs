//! The known word that someone who mistyped one most likely meant.

/// What beginners write for a word of ours, though no slip of the finger leads there. A language's code is not "cn", which is
/// two slips from "en".
const SYNONYMS: &[(&str, &str)] = &[
    ("cn", "zh"),
    ("zh_cn", "zh"),
    ("chinese", "zh"),
    ("中文", "zh"),
    ("english", "en"),
    ("ip", "address"),
    ("host", "address"),
    ("port", "address"),
    ("password", "comm_key"),
    ("timezone", "zone"),
    ("time_zone", "zone"),
    ("tz", "zone"),
    ("sn", "serial"),
    ("corpid", "corp_id"),
    ("corpsecret", "secret"),
];

/// The nearest of `known`, if one is near enough to be meant: a slip or two of the finger, or the same beginning.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A key that is longer than any of ours cannot be near, and the distance costs the product of the lengths.
    if word.len() > 80 {
        return None;
    }
    let folded = folded(word);
    let known: Vec<&'k str> = known.into_iter().collect();
    let meant = SYNONYMS.iter().find(|(written, _)| *written == folded).map(|(_, meant)| *meant);
    if let Some(found) = known.iter().find(|candidate| Some(**candidate) == meant) {
        return Some(found);
    }
    let slips = 1 + folded.chars().count() / 5;
    known
        .into_iter()
        .filter_map(|candidate| {
            let other = self::folded(candidate);
            let distance = strsim::osa_distance(&folded, &other);
            let likeness = strsim::jaro_winkler(&folded, &other);
            (distance <= slips || likeness >= 0.85).then_some((distance, likeness, candidate))
        })
        .min_by(|(a, alike, _), (b, blike, _)| a.cmp(b).then(blike.total_cmp(alike)))
        .map(|(_, _, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_nonsense_finds_none() {
        let known = ["address", "comm_key", "zone", "organisations", "log"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("comm-key", known), Some("comm_key"));
        assert_eq!(nearest("organizations", known), Some("organisations"));
        assert_eq!(nearest("lgo", known), Some("log"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(nearest("cn", ["en", "zh"]), Some("zh"));
        assert_eq!(nearest("zh-CN", ["en", "zh"]), Some("zh"));
        assert_eq!(nearest("eng", ["en", "zh"]), Some("en"));
        assert_eq!(nearest("password", known), Some("comm_key"));
        assert_eq!(nearest("ip", known), Some("address"));
        assert_eq!(nearest("timezone", known), Some("zone"));
        assert_eq!(nearest("password", ["secret"]), None);
        assert_eq!(nearest(&"a".repeat(100_000), known), None);
    }
}
