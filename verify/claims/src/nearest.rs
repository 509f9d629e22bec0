//! Did-you-mean: the known word nearest to a misspelt one.

/// The one of `known` that `word` most likely meant, or `None` when nothing is close: more than a
/// third of the letters would have to change.
///
/// ```
/// assert_eq!(claims::nearest("lom", ["loom", "tlc"]), Some("loom"));
/// assert_eq!(claims::nearest("banana", ["loom", "tlc"]), None);
/// ```
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        // Ties go to the first in alphabetical order, so that the message is the same every time.
        .min()
        .map(|(_, candidate)| candidate)
}
