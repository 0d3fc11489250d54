//! The known word that someone who mistyped one most likely meant.

/// The nearest of `known`, if one is near enough to be meant: a slip or two of the finger, or the same beginning.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A key that is longer than any of ours cannot be near, and the distance costs the product of the lengths.
    if word.len() > 80 {
        return None;
    }
    let folded = folded(word);
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
        assert_eq!(nearest(&"a".repeat(100_000), known), None);
    }
}
