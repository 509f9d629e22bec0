//! PlusCal to TLA+ in a private folder, and the way back: from a line of the translated module to the
//! line that was written.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::place::Places;
use crate::tools::Tools;

/// A place in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `spec/Epoll.tla`, or `Naturals.tla` for a module of the standard library.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; none where the text was made by the translator.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match self.column {
            Some(column) => write!(f, ":{column}"),
            None => Ok(()),
        }
    }
}

/// Which line of the source a line of the translated module comes from.
#[derive(Clone, Debug)]
pub(crate) struct SourceMap {
    source: Vec<String>,
    translated: Vec<String>,
    /// First and last line that the translator made, from 1.
    made: Option<(usize, usize)>,
}

impl SourceMap {
    pub(crate) fn new(source: &str, translated: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let translated = lines(translated);
        let mark = |word: &str| {
            translated.iter().position(|l| l.starts_with("\\*") && l.contains(word)).map(|i| i + 1)
        };
        let made = mark("BEGIN TRANSLATION").zip(mark("END TRANSLATION"));
        Self { source: lines(source), translated, made }
    }

    /// The place in `spec/`. A line that the translator made leads to the label that it was made
    /// from, or else to the head of the algorithm.
    pub(crate) fn place(&self, module: &str, line: usize, column: usize) -> Place {
        let file = format!("spec/{module}.tla");
        match self.made {
            Some((begin, end)) if line >= begin && line <= end => {
                Place { file, line: self.label_line(begin, line), column: None }
            }
            Some((_, end)) if line > end => {
                let from_below = self.translated.len().saturating_sub(line);
                let line = self.source.len().saturating_sub(from_below);
                Place { file, line, column: Some(column) }
            }
            _ => Place { file, line, column: Some(column) },
        }
    }

    fn label_line(&self, begin: usize, line: usize) -> usize {
        let last = line.min(self.translated.len());
        let label = self.translated[begin.min(last)..last].iter().rev().find_map(|text| {
            let (head, _) = text.split_once("==")?;
            let name = head.split('(').next()?.trim_end();
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            (plain && !name.is_empty()).then_some(name)
        });
        let labelled = label.and_then(|label| {
            self.source.iter().position(|text| {
                let rest = text.trim_start().strip_prefix(label).map(str::trim_start);
                rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
            })
        });
        let head = || self.source.iter().position(|text| holds_algorithm(text));
        labelled.or_else(head).map_or(line, |index| index + 1)
    }
}

fn holds_algorithm(text: &str) -> bool {
    text.contains("--algorithm") || text.contains("--fair algorithm")
}

/// The modules of a run, translated, in a folder that goes away with it.
#[derive(Debug)]
pub(crate) struct Build {
    folder: tempfile::TempDir,
    pub(crate) places: Places,
    /// Modules that could not be translated, and why.
    failed: HashMap<String, String>,
    /// The modules as TLC reads them.
    texts: HashMap<String, String>,
}

impl Build {
    /// Copies `spec/*.tla` into a new folder under `target/spec`.
    pub(crate) fn copy(root: &Path) -> std::io::Result<Self> {
        let target = root.join("target/spec");
        std::fs::create_dir_all(&target)?;
        let folder = tempfile::Builder::new().prefix("build-").tempdir_in(&target)?;
        let mut texts = HashMap::new();
        for file in std::fs::read_dir(root.join("spec"))? {
            let path = file?.path();
            let is_module = path.extension().is_some_and(|extension| extension == "tla");
            let Some(module) = path.file_stem().and_then(|s| s.to_str()).filter(|_| is_module)
            else {
                continue;
            };
            let text = std::fs::read_to_string(&path).map_err(|error| {
                std::io::Error::new(error.kind(), format!("spec/{module}.tla: {error}"))
            })?;
            std::fs::write(folder.path().join(format!("{module}.tla")), &text)?;
            texts.insert(module.to_owned(), text);
        }
        Ok(Self { folder, places: Places::default(), failed: HashMap::new(), texts })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// This module and those that it names, and those that they name. A word in a comment counts
    /// too: translating a module too many does no harm.
    pub(crate) fn reach(&self, module: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![module.to_owned()];
        while let Some(module) = open.pop() {
            let Some(text) = self.texts.get(&module) else {
                continue;
            };
            if reached.insert(module) {
                let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                open.extend(words.filter(|w| self.texts.contains_key(*w)).map(str::to_owned));
            }
        }
        reached
    }

    /// Whether the module holds PlusCal.
    pub(crate) fn needs_translation(&self, module: &str) -> bool {
        self.texts.get(module).is_some_and(|text| holds_algorithm(text))
    }

    /// Takes in what the translator made of a module.
    pub(crate) fn translated(&mut self, module: &str, made: Result<String, String>) {
        match made {
            Ok(text) => {
                let source = self.texts.insert(module.to_owned(), text).unwrap_or_default();
                let map = SourceMap::new(&source, &self.texts[module]);
                self.places.insert(module, map);
            }
            Err(why) => {
                self.failed.insert(module.to_owned(), why);
            }
        }
    }

    /// Takes in a module that needs no translation.
    pub(crate) fn untranslated(&mut self, module: &str) {
        if let Some(text) = self.texts.get(module) {
            self.places.insert(module, SourceMap::new(text, text));
        }
    }

    /// Why the module, or one that it stands on, could not be translated.
    pub(crate) fn failure(&self, module: &str) -> Option<&str> {
        self.reach(module).iter().find_map(|m| self.failed.get(m)).map(String::as_str)
    }

    /// Whether a word occurs in the module or in one that it stands on.
    pub(crate) fn mentions(&self, module: &str, word: &str) -> bool {
        self.reach(module).iter().filter_map(|m| self.texts.get(m)).any(|text| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == word)
        })
    }

    /// The variables in the order in which they are declared: ghosts are declared last.
    pub(crate) fn variables(&self, module: &str) -> Vec<String> {
        self.texts.get(module).map_or_else(Vec::new, |text| declared_variables(text))
    }
}

fn declared_variables(text: &str) -> Vec<String> {
    let mut variables = Vec::new();
    let heads = text.match_indices("VARIABLE").filter(|(at, _)| {
        let line_start = text[..*at].rfind('\n').map_or(0, |i| i + 1);
        text[line_start..*at].trim().is_empty()
    });
    for (at, head) in heads {
        let rest = text[at + head.len()..].trim_start_matches('S');
        for part in rest.split(',') {
            let name = part.trim_start();
            let length =
                name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            variables.push(name[..length].to_owned());
            if !name[length..].trim().is_empty() {
                break;
            }
        }
    }
    variables
}

/// Translates one module in the folder and gives the new text, or the error in terms of `spec/`.
pub(crate) fn translate(tools: &Tools, folder: &Path, module: &str) -> Result<String, String> {
    let path: PathBuf = folder.join(format!("{module}.tla"));
    let output = tools
        .java
        .command()
        .current_dir(folder)
        .arg("-cp")
        .arg(&tools.jar.path)
        .args(["pcal.trans", "-nocfg", &format!("{module}.tla")])
        .output()
        .map_err(|error| format!("java does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !said.contains("Translation completed") {
        return Err(pcal_error(module, &said));
    }
    // Only an algorithm of one process gets labels that nobody wrote; steps without a name cannot be
    // matched with the code.
    if said.contains("label was added") || said.contains("labels were added") {
        return Err(format!("spec/{module}.tla: the translator added labels; write them yourself"));
    }
    std::fs::read_to_string(&path).map_err(|error| format!("spec/{module}.tla: {error}"))
}

/// `-- Expected ":=" but found ";" line 8, column 17.` as one line with the file in front.
fn pcal_error(module: &str, said: &str) -> String {
    let words: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.contains("Unrecoverable error"))
        .skip(1)
        .map(|line| line.trim().trim_start_matches("-- "))
        .filter(|line| !line.is_empty())
        .collect();
    if words.is_empty() {
        return format!("spec/{module}.tla: the PlusCal translator failed: {}", said.trim());
    }
    let words = words.join(" ");
    let place = words.rfind("line ").and_then(|at| {
        let mut numbers =
            words[at..].split(|c: char| !c.is_ascii_digit()).filter_map(|w| w.parse().ok());
        let place: (usize, usize) = (numbers.next()?, numbers.next()?);
        Some((words[..at].trim_end().trim_end_matches(" at"), place))
    });
    match place {
        Some((what, (line, column))) => format!("spec/{module}.tla:{line}:{column}: {what}"),
        None => format!("spec/{module}.tla: {words}"),
    }
}

#[cfg(test)]
mod tests;
