//! The table of models in spec/README.md: made from spec/models.toml, so that it does not drift.

use crate::failure::Failure;
use crate::number::{count, schedules};
use crate::root::Root;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const FILE: &str = "spec/README.md";
const BEGIN: &str = "<!-- models: written by `cargo verify spec --update` from models.toml -->";
const END: &str = "<!-- end of the models -->";
const UPDATE: &str = "`cargo verify spec --update` writes it";

/// Holds the table against spec/models.toml, or writes it; what is wrong with it, if anything is.
pub(crate) fn check(root: &Root, update: bool) -> Result<Option<String>, Failure> {
    let models = tlc::load(root.dir()).map_err(|error| Failure::Described(Box::new(error)))?;
    let path = root.spec().join("README.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(Some(format!("there is no {FILE} for the table of the models")));
    };
    let table = table(&models, &Outside::read(root));
    let problem = match with_table(&text, &table) {
        Err(problem) => Some(problem),
        Ok(fresh) if fresh == text => None,
        Ok(fresh) if update => std::fs::write(&path, fresh)
            .err()
            .map(|error| format!("{FILE} cannot be written: {error}")),
        Ok(fresh) => {
            let same = text.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
            Some(format!("{FILE}:{}: the table of the models is stale; {UPDATE}", same + 1))
        }
    };
    Ok(problem)
}

/// The text with the table between its two marker lines.
fn with_table(text: &str, table: &str) -> Result<String, String> {
    let at = |marker: &str| {
        let line = |(start, _): &(usize, &str)| {
            text[..*start].ends_with('\n') && text[start + marker.len()..].starts_with('\n')
        };
        let found = text.match_indices(marker).find(line).map(|(start, _)| start);
        found.ok_or_else(|| format!("{FILE} lacks the line `{marker}`"))
    };
    let (begin, end) = (at(BEGIN)? + BEGIN.len(), at(END)?);
    if begin > end {
        return Err(format!("{FILE}: `{END}` comes before `{BEGIN}`"));
    }
    Ok(format!("{}\n\n{}\n\n{}", &text[..begin], table.trim_end(), &text[end..]))
}

/// What the table says of files other than models.toml.
#[derive(Default)]
struct Outside {
    /// The text of each module.
    modules: BTreeMap<String, String>,
    /// The text of each file with worlds, by its path from the root.
    worlds: BTreeMap<String, String>,
}

impl Outside {
    fn read(root: &Root) -> Outside {
        let texts = |folder: &str, extension: &str| -> Vec<(PathBuf, String)> {
            let Ok(files) = std::fs::read_dir(root.dir().join(folder)) else { return Vec::new() };
            let names =
                files.filter_map(|file| Some(Path::new(folder).join(file.ok()?.file_name())));
            let wanted = names.filter(|name| name.extension().is_some_and(|e| e == extension));
            wanted
                .filter_map(|name| {
                    let text = std::fs::read_to_string(root.dir().join(&name)).ok()?;
                    Some((name, text))
                })
                .collect()
        };
        let stem =
            |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let modules = texts("spec", "tla").into_iter().map(|(path, text)| (stem(&path), text));
        let worlds = texts("verify/scenarios/src/worlds", "rs");
        let worlds = worlds.into_iter().map(|(path, text)| (path.display().to_string(), text));
        Outside { modules: modules.collect(), worlds: worlds.collect() }
    }

    /// The files that the module says it mirrors.
    fn code(&self, module: &str) -> Vec<String> {
        let text = self.modules.get(module).map_or("", String::as_str);
        let files = tlc::lint::code(text).map(|(_, files)| files).unwrap_or_default();
        files.iter().map(|path| path.display().to_string()).collect()
    }

    /// The file whose scenarios have this one; of several with such a word, the one that names the module.
    fn world(&self, scenario: &str, module: &str) -> Option<&str> {
        let (quoted, module) = (format!("\"{scenario}\""), format!("spec/{module}.tla"));
        let files = self.worlds.iter().filter(|(_, text)| text.contains(&quoted));
        files.min_by_key(|(_, text)| !text.contains(&module)).map(|(path, _)| path.as_str())
    }

    /// The modules that instantiate this one.
    fn users(&self, module: &str) -> Vec<&str> {
        let instance = format!("INSTANCE {module} ");
        let users = self.modules.iter().filter(|(_, text)| text.contains(&instance));
        users.map(|(name, _)| name.as_str()).collect()
    }
}

fn table(models: &[tlc::Model], outside: &Outside) -> String {
    let mut modules: Vec<&str> = Vec::new();
    let listed = models.iter().map(|model| model.module.as_str());
    for module in listed.chain(outside.modules.keys().map(String::as_str)) {
        if !modules.contains(&module) {
            modules.push(module);
        }
    }
    let mut out = String::new();
    for module in modules {
        let models: Vec<_> = models.iter().filter(|model| model.module == module).collect();
        section(&mut out, module, &models, outside);
    }
    out
}

fn section(out: &mut String, module: &str, models: &[&tlc::Model], outside: &Outside) {
    // Writing into a String cannot fail.
    let _ = writeln!(out, "### {module}\n");
    let code: Vec<String> = outside.code(module).iter().map(|path| link(path, path)).collect();
    let _ = writeln!(out, "Module [{module}.tla]({module}.tla). Code: {}.", code.join(", "));
    let users: Vec<String> = outside.users(module).iter().map(|user| format!("`{user}`")).collect();
    if !users.is_empty() {
        let _ = writeln!(out, "Refined by {}.", users.join(", "));
    }
    let graphs = models.iter().filter(|model| model.question == tlc::Question::Graph);
    let scenarios: Vec<String> = graphs
        .filter_map(|model| Some(link(&model.name, outside.world(&model.name, module)?)))
        .collect();
    if !scenarios.is_empty() {
        let _ = writeln!(out, "Scenarios: {}.", scenarios.join(", "));
    }
    out.push('\n');
    if models.is_empty() {
        return;
    }
    out.push_str(
        "| configuration | constants | question | answer | what it shows | distinct | edges | schedules | trace |\n\
         |---|---|---|---|---|--:|--:|--:|--:|\n",
    );
    for model in models {
        let constants = model.constants.iter();
        let constants: Vec<_> =
            constants.map(|(name, value)| format!("{name} = {value}")).collect();
        let answer = match &model.expect {
            tlc::Expect::Holds => "holds".to_owned(),
            tlc::Expect::Violated(name) => format!("`{name}` violated"),
            tlc::Expect::Deadlock => "deadlock".to_owned(),
        };
        let number = |number: Option<u64>| number.map(count).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {answer} | {} | {} | {} | {} | {} |",
            model.name,
            if constants.is_empty() {
                String::new()
            } else {
                format!("`{}`", constants.join(", "))
            },
            model.question,
            model.shows,
            number(model.distinct),
            number(model.edges),
            model.schedules.as_deref().map(schedules).unwrap_or_default(),
            number(model.trace),
        );
    }
    out.push('\n');
}

/// A link from the folder spec/.
fn link(text: &str, path: &str) -> String {
    format!("[{text}](../{path})")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: &str = r#"
[[model]]
name = "lamp-safety"
module = "Lamp"
question = "safety"
shows = "The lamp goes out once."
constants = { Fix = '"merged"', Lamps = "2" }
invariants = ["TypeOK", "OutOnce"]
expect = "holds"
distinct = 1234
generated = 2345

[[model]]
name = "lamp"
module = "Lamp"
question = "graph"
shows = "The whole graph."
distinct = 1234
edges = 2344
schedules = "32000000000"

[[model]]
name = "lamp-twice"
module = "Lamp"
question = "safety"
shows = "Without the look the lamp goes out twice."
invariants = ["OutOnce"]
expect = "violated"
violates = "OutOnce"
trace = 7
"#;

    const README: &str = "# The spec\n\n<!-- models: written by `cargo verify spec --update` from models.toml -->\n<!-- end of the models -->\n\nMore.\n";

    fn project() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("spec/models.toml", MODELS);
        put("spec/README.md", README);
        put(
            "spec/Lamp.tla",
            "(* A lamp.\n\n   Code: impl/x/lamp.rs, bulb.rs,\n     impl/y/wire.rs *)\nL == INSTANCE Light WITH l <- 1\n",
        );
        put("spec/Light.tla", "(* Code: impl/x/light.rs *)\n");
        put("verify/scenarios/src/worlds/a_shop.rs", "[\"chair\", \"lamp\"]");
        put("verify/scenarios/src/worlds/lamp.rs", "//! spec/Lamp.tla\nscenario(\"lamp\")");
        let root = Root::find(Some(dir.path())).unwrap();
        (dir, root)
    }

    #[test]
    fn the_table_tells_what_each_configuration_shows_and_how_large_it_is() {
        let (dir, root) = project();
        assert_eq!(check(&root, true).unwrap(), None);
        insta::assert_snapshot!(std::fs::read_to_string(dir.path().join(FILE)).unwrap());
        assert_eq!(check(&root, false).unwrap(), None);
    }

    #[test]
    fn the_readmes_show_the_example_that_the_crate_tests() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let text = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
        let docs = text("impl/graceref/src/lib.rs");
        let docs = docs.lines().map_while(|line| line.strip_prefix("//!"));
        let docs: String =
            docs.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect();
        let example = docs.split("```\n").nth(1).unwrap();
        for readme in ["README.md", "impl/graceref/README.md"] {
            assert!(text(readme).contains(&format!("```rust\n{example}```\n")), "{readme}");
        }
    }

    #[test]
    fn a_table_that_is_stale_or_has_no_place_is_told() {
        let (dir, root) = project();
        let file = dir.path().join(FILE);
        let said = |update: bool| check(&root, update).unwrap().unwrap_or_default();
        let mut all = vec![said(false)];
        assert_eq!(said(true), "");
        let models = dir.path().join("spec/models.toml");
        std::fs::write(&models, MODELS.replace("distinct = 1234", "distinct = 1235")).unwrap();
        all.push(said(false));
        std::fs::write(&file, README.replace("<!-- end", "<!-- the end")).unwrap();
        all.push(said(true));
        std::fs::write(&file, format!("\n{END}\n{BEGIN}\n")).unwrap();
        all.push(said(true));
        std::fs::remove_file(&file).unwrap();
        all.push(said(true));
        insta::assert_snapshot!(all.join("\n"));
    }
}
