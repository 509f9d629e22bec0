//! The Java runtime and the TLC jar. What is missing is said in one line, with the next step.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use miette::Diagnostic;

/// The oldest Java that TLC runs on.
const OLDEST_JAVA: u32 = 11;

/// Names a jar that is used instead of the one that `ci/setup` puts in place.
const JAR_VARIABLE: &str = "TLA2TOOLS_JAR";

/// Java or the jar is missing, broken or too old.
#[derive(Clone, Debug, thiserror::Error, Diagnostic)]
#[error("{what}: {next}")]
pub struct ToolError {
    what: String,
    next: String,
}

impl ToolError {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }
}

/// A Java runtime that is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Java {
    /// The program.
    pub program: PathBuf,
    /// Its major version: 17.
    pub version: u32,
}

/// A file that looks like the TLC jar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jar {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Whether the user named it; then it is not ours to replace.
    by_user: bool,
}

/// Java and TLC, tried out together.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The runtime.
    pub java: Java,
    /// The jar.
    pub jar: Jar,
    /// What TLC says of itself: `2.15`.
    pub version: String,
    /// Newer versions write a trace specification beside the module unless told not to; the
    /// pinned one does not know the flag.
    pub(crate) writes_trace_spec: bool,
}

impl Tools {
    /// Finds Java and the jar and starts TLC once to see that both work. Costs about 0.3 s.
    ///
    /// # Errors
    /// One of the two is missing, broken or too old; the message says what to do next.
    pub fn find(root: &Path) -> Result<Self, ToolError> {
        let jar = find_jar(root)?;
        let java = find_java()?;
        let output =
            java.command().arg("-cp").arg(&jar.path).args(["tlc2.TLC", "-help"]).output().map_err(
                |error| ToolError::new(format!("java does not start ({error})"), NO_JAVA),
            )?;
        let help = String::from_utf8_lossy(&output.stdout);
        let Some(version) = help.lines().find_map(|line| line.strip_prefix("TLC2 Version ")) else {
            return Err(broken(&jar.path, jar.by_user, "TLC does not start from it"));
        };
        Ok(Self {
            version: version.split_whitespace().next().unwrap_or("unknown").to_owned(),
            writes_trace_spec: help.contains("noGenerateSpecTE"),
            java,
            jar,
        })
    }
}

const NO_JAVA: &str = "install a Java runtime, version 11 or later";

impl Java {
    /// A command with the runtime's flags that every run has: one thread for the collector, because
    /// two runs share two cores, and quick compilation, because most runs take a second.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-XX:+UseSerialGC").arg("-XX:TieredStopAtLevel=1").stdin(Stdio::null());
        command
    }

    /// The command for a search that runs long enough for the optimising compiler to pay.
    pub(crate) fn command_for_long_run(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-XX:+UseParallelGC").stdin(Stdio::null());
        command
    }
}

/// Finds `java`: in `JAVA_HOME` if that is set, else on the path.
///
/// # Errors
/// There is none, or it is older than version 11.
pub fn find_java() -> Result<Java, ToolError> {
    let program = match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => {
            let program = Path::new(&home).join("bin").join("java");
            if !program.is_file() {
                return Err(ToolError::new(
                    "JAVA_HOME is set but has no bin/java",
                    "unset it or point it at a Java runtime",
                ));
            }
            program
        }
        None => PathBuf::from("java"),
    };
    let output = Command::new(&program)
        .arg("-version")
        .output()
        .map_err(|_| ToolError::new("java not found", NO_JAVA))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    match java_version(&said) {
        Some(version) if version >= OLDEST_JAVA => Ok(Java { program, version }),
        Some(version) => {
            Err(ToolError::new(format!("java is version {version}, which is too old"), NO_JAVA))
        }
        None => Err(ToolError::new("java does not say its version", NO_JAVA)),
    }
}

/// `openjdk version "17.0.15"` is 17, `java version "1.8.0_292"` is 8.
fn java_version(said: &str) -> Option<u32> {
    let quoted = said.lines().find(|line| line.contains("version"))?.split('"').nth(1)?;
    let mut parts = quoted.split(|c: char| !c.is_ascii_digit());
    let first = parts.next()?.parse().ok()?;
    if first == 1 { parts.next()?.parse().ok() } else { Some(first) }
}

/// Finds the TLC jar: the file that `TLA2TOOLS_JAR` names, else `target/tools/tla2tools.jar` under the
/// project root.
///
/// # Errors
/// The file is missing or is no jar.
pub fn find_jar(root: &Path) -> Result<Jar, ToolError> {
    find_jar_at(std::env::var_os(JAR_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from), root)
}

fn find_jar_at(named: Option<PathBuf>, root: &Path) -> Result<Jar, ToolError> {
    let by_user = named.is_some();
    let path = named.unwrap_or_else(|| root.join("target/tools/tla2tools.jar"));
    let mut magic = [0; 4];
    let opened = std::fs::File::open(&path).and_then(|mut file| file.read_exact(&mut magic));
    match opened {
        Ok(()) if magic == *b"PK\x03\x04" => {}
        Ok(()) => return Err(broken(&path, by_user, "it is no jar")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(broken(&path, by_user, "it is no jar"));
        }
        Err(_) if by_user => {
            return Err(ToolError::new(
                format!("{JAR_VARIABLE} names {}, which cannot be read", path.display()),
                "unset it or name a tla2tools.jar",
            ));
        }
        Err(_) => return Err(ToolError::new("the TLC jar is missing", "run ci/setup")),
    }
    let path = std::path::absolute(&path).unwrap_or(path);
    Ok(Jar { path, by_user })
}

fn broken(path: &Path, by_user: bool, how: &str) -> ToolError {
    let next = if by_user {
        format!("unset {JAR_VARIABLE} or name another tla2tools.jar")
    } else {
        "remove it and run ci/setup".to_owned()
    };
    ToolError::new(format!("the TLC jar {} is broken ({how})", path.display()), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_versions_old_and_new_are_read() {
        assert_eq!(java_version("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(java_version("java version \"1.8.0_292\"\n"), Some(8));
        assert_eq!(java_version("Picked up X\nopenjdk version \"21\" 2023\n"), Some(21));
        assert_eq!(java_version("nothing"), None);
    }

    #[test]
    fn a_missing_or_broken_jar_names_the_next_step() {
        let root = tempfile::tempdir().expect("a temp folder");
        let missing = find_jar_at(None, root.path()).expect_err("there is none");
        insta::assert_snapshot!(missing, @"the TLC jar is missing: run ci/setup");

        std::fs::create_dir_all(root.path().join("target/tools")).expect("a folder");
        std::fs::write(root.path().join("target/tools/tla2tools.jar"), "<html>").expect("a file");
        let broken = find_jar_at(None, root.path()).expect_err("it is a page");
        assert!(
            broken.to_string().ends_with("is broken (it is no jar): remove it and run ci/setup")
        );

        let named = find_jar_at(Some("nowhere.jar".into()), root.path()).expect_err("not there");
        insta::assert_snapshot!(named, @"TLA2TOOLS_JAR names nowhere.jar, which cannot be read: unset it or name a tla2tools.jar");
    }
}
