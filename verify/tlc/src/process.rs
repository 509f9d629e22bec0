//! One TLC process for one model.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::config;
use crate::model::{Model, Question};
use crate::output::Counts;
use crate::tools::Tools;

/// From here on the optimising compiler and a parallel collector pay for their start.
const LONG_RUN: u64 = 50_000;

/// What a process said, and how it ended.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) errors: String,
    /// None if it was killed.
    pub(crate) exit: Option<i32>,
}

/// The file that the graph is dumped to, in the build folder.
pub(crate) fn dump_name(model: &Model) -> String {
    format!("{}.dot", model.name)
}

/// Runs TLC on a model in the build folder; everything that it says also goes to the log.
pub(crate) fn tlc(
    tools: &Tools,
    folder: &Path,
    model: &Model,
    log: &Path,
    progress: impl FnMut(Counts),
) -> std::io::Result<Said> {
    let config = format!("{}.cfg", model.name);
    std::fs::write(folder.join(&config), config::text(model))?;
    // Two runs with one temporary folder overwrite each other's copies of the standard modules.
    let private = folder.join(format!("{}.tmp", model.name));
    std::fs::create_dir_all(&private)?;
    let errors_path = private.join("stderr");

    let mut command = command(tools, model, &private);
    command.current_dir(folder).args(["-config", &config]).arg(format!("{}.tla", model.module));
    command.stdout(Stdio::piped()).stderr(File::create(&errors_path)?);
    let mut log = File::create(log)?;
    let mut child = command.spawn()?;
    let text = match child.stdout.take() {
        Some(stdout) => read(BufReader::new(stdout), &mut log, progress),
        None => Ok(String::new()),
    };
    if text.is_err() {
        // The log cannot be written, say. Nobody would read on: the process would wait for ever.
        let _ = child.kill();
    }
    let exit = child.wait()?.code();
    let errors = String::from_utf8_lossy(&std::fs::read(&errors_path)?).into_owned();
    log.write_all(errors.as_bytes())?;
    Ok(Said { text: text?, errors, exit })
}

fn command(tools: &Tools, model: &Model, private: &Path) -> Command {
    let long = model.distinct.is_some_and(|states| states > LONG_RUN);
    let mut command = if long {
        let mut command = tools.java.command_for_long_run();
        command.arg("-Xmx2g");
        command
    } else {
        let mut command = tools.java.command();
        command.arg("-Xmx512m");
        command
    };
    let mut tmpdir = std::ffi::OsString::from("-Djava.io.tmpdir=");
    tmpdir.push(private);
    command.arg(tmpdir).arg("-cp").arg(&tools.jar.path).args(["tlc2.TLC", "-tool"]);
    command.arg("-metadir").arg(private.join("meta"));
    // One worker and one polynomial: the same output, byte for byte, in every run.
    command.args(["-fp", "0", "-workers", "1", "-coverage", "1"]);
    if !model.question.checks_deadlock() {
        command.arg("-deadlock");
    }
    if tools.writes_trace_spec {
        command.arg("-noGenerateSpecTE");
    }
    if model.question == Question::Graph {
        command.args(["-dump", "dot,actionlabels", &dump_name(model)]);
    }
    command
}

fn read(
    mut stdout: impl BufRead,
    log: &mut File,
    mut progress: impl FnMut(Counts),
) -> std::io::Result<String> {
    let (mut text, mut line) = (String::new(), Vec::new());
    while stdout.read_until(b'\n', &mut line)? > 0 {
        log.write_all(&line)?;
        let words = String::from_utf8_lossy(&line);
        if let Some(counts) = Counts::parse_progress(&words) {
            progress(counts);
        }
        text.push_str(&words);
        line.clear();
    }
    Ok(text)
}
