//! The TLC configuration file of a model.

use std::fmt::Write as _;

use crate::model::Model;

/// The text of the `.cfg` file. There is no `CHECK_DEADLOCK` in the pinned version; that is a flag.
pub(crate) fn text(model: &Model) -> String {
    let mut text = format!("SPECIFICATION {}\n", model.spec);
    if !model.constants.is_empty() {
        text.push_str("CONSTANTS\n");
        for (name, value) in &model.constants {
            let value = value.trim();
            let _ = match value.strip_prefix("<-") {
                Some(definition) => writeln!(text, "    {name} <- {}", definition.trim()),
                None => writeln!(text, "    {name} = {value}"),
            };
        }
    }
    for (keyword, names) in [("INVARIANTS", &model.invariants), ("PROPERTIES", &model.properties)] {
        if !names.is_empty() {
            let _ = writeln!(text, "{keyword} {}", names.join(" "));
        }
    }
    text
}
