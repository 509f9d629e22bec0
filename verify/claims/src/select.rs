//! Which claims the words on a command line mean.

use crate::nearest::nearest;
use crate::register::{Claim, Register};

/// A word that no claim answers to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no claim `{word}`")]
pub struct UnknownClaim {
    /// The word.
    pub word: String,
    /// The id that was most likely meant.
    pub nearest: Option<String>,
}

impl Register {
    /// The claims that `words` name, each once, in the register's order; all of them when there are
    /// no words. A word is an id, else a glob with `*` and `?`, else the beginning of ids
    /// (`epoll`).
    ///
    /// # Errors
    /// The first word that names none.
    pub fn select<W: AsRef<str>>(&self, words: &[W]) -> Result<Vec<&Claim>, UnknownClaim> {
        let mut chosen = vec![words.is_empty(); self.claims.len()];
        for word in words {
            let word = word.as_ref();
            let exact = self.claim(word).is_some();
            let mut any = false;
            for (claim, chosen) in self.claims.iter().zip(&mut chosen) {
                let meant = if exact { claim.id == word } else { matches(word, &claim.id) };
                any |= meant;
                *chosen |= meant;
            }
            if !any {
                let ids = self.claims.iter().map(|claim| claim.id.as_str());
                return Err(UnknownClaim {
                    word: word.to_owned(),
                    nearest: nearest(word, ids).map(str::to_owned),
                });
            }
        }
        let claims = self.claims.iter().zip(chosen);
        Ok(claims.filter_map(|(claim, chosen)| chosen.then_some(claim)).collect())
    }
}

/// Whether `word` means `name`: as a glob if it has a `*` or `?`, else as its beginning.
///
/// ```
/// assert!(claims::matches("epoll.*", "epoll.dying"));
/// assert!(claims::matches("epoll", "epoll.dying"));
/// assert!(!claims::matches("", "epoll.dying"));
/// ```
pub fn matches(word: &str, name: &str) -> bool {
    if word.contains(['*', '?']) {
        glob(word.as_bytes(), name.as_bytes())
    } else {
        !word.is_empty() && name.starts_with(word)
    }
}

/// Whether `pattern` covers all of `text`. Linear in both but for the last star seen, to which it
/// goes back: earlier stars never need another try.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_glob_covers_the_whole_id() {
        for (pattern, text, covers) in [
            ("epoll.*", "epoll.poll-dead", true),
            ("*", "", true),
            ("*.poll-*", "epoll.poll-dead", true),
            ("*dead", "epoll.poll-dead", true),
            ("e*l.*d", "epoll.poll-dead", true),
            ("epoll.?oll-dead", "epoll.poll-dead", true),
            ("epoll", "epoll.poll-dead", false),
            ("*alive", "epoll.poll-dead", false),
            ("epoll.*x", "epoll.poll-dead", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), covers, "{pattern} on {text}");
        }
    }
}
