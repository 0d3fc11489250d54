//! The known word that someone who mistyped one most likely meant.

/// The nearest of `known`, if one is near enough to be meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A key that is longer than any of ours cannot be near, and the distance costs the product of the lengths.
    if word.len() > 80 {
        return None;
    }
    let folded = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&folded, &candidate.to_lowercase().replace('-', "_")), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_word_and_nonsense_finds_none() {
        let known = ["address", "comm_key", "zone", "organisations"];
        assert_eq!(nearest("adress", known), Some("address"));
        assert_eq!(nearest("comm-key", known), Some("comm_key"));
        assert_eq!(nearest("organizations", known), Some("organisations"));
        assert_eq!(nearest("xyzzy", known), None);
        assert_eq!(nearest(&"a".repeat(100_000), known), None);
    }
}
