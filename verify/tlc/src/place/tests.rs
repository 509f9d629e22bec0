use super::*;

const SOURCE: &str = "---- MODULE One ----\n(* --algorithm One {\n  process (p \\in {1}) {\n    \
    step: skip;\n  }\n} *)\n\nBound == x < 2\n====\n";

/// Three lines made by the translator stand between the algorithm and what follows.
const TRANSLATED: &str = "---- MODULE One ----\n(* --algorithm One {\n  process (p \\in {1}) {\n    \
    step: skip;\n  }\n} *)\n\\* BEGIN TRANSLATION\nstep(self) == /\\ pc[self] = \"step\"\n\
    \\* END TRANSLATION\n\nBound == x < 2\n====\n";

fn places() -> Places {
    let mut places = Places::default();
    places.insert("One", SourceMap::new(SOURCE, TRANSLATED));
    places
}

#[test]
fn both_shapes_of_a_location_lead_to_the_line_in_spec() {
    let text = "at line 11, col 3 to line 11, col 9 of module One and Line 4, column 5 to line 4, \
                column 8 in One, in an outline, and in line 1, column 2 in Naturals.";
    assert_eq!(
        places().rewrite(text),
        "at spec/One.tla:8:3 and spec/One.tla:4:5, in an outline, and in Naturals.tla:1:2."
    );
}

#[test]
fn a_line_of_the_translation_leads_to_the_label() {
    let text = "line 8, col 16 to line 8, col 34 of module One";
    assert_eq!(places().rewrite(text), "spec/One.tla:4");
}

#[test]
fn a_line_that_does_not_exist_is_no_panic() {
    for line in [0, 7, 9, 12, 99, usize::MAX] {
        let text = format!("line {line}, col 0 of module One");
        assert!(places().rewrite(&text).starts_with("spec/One.tla:"));
    }
    assert_eq!(
        places().rewrite("line 99999999999999999999999, col 1"),
        "line 99999999999999999999999, col 1"
    );
}

fn explained(text: &str) -> Option<String> {
    places().explain(&Output::parse(text))
}

#[test]
fn an_evaluation_error_is_placed_at_the_innermost_expression() {
    let said = explained(
        "@!@!@STARTMSG 1000:1 @!@!@\nTLC threw an unexpected exception.\n\
         This was probably caused by an error in the spec or model.\n\
         See the User Output or TLC Console for clues to what happened.\n\
         The exception was a tlc2.tool.EvalException\n: @!@!@STARTMSG 2184:0 @!@!@\n\
         Attempted to apply Head to the empty sequence.\n@!@!@ENDMSG 2184 @!@!@\n\
         @!@!@ENDMSG 1000 @!@!@\n@!@!@STARTMSG 2103:1 @!@!@\n\
         The error occurred when TLC was evaluating the nested\n\
         expressions at the following positions:\n\
         0. Line 4, column 9 to line 4, column 13 in One\n\
         1. Line 11, column 10 to line 11, column 15 in One\n\n@!@!@ENDMSG 2103 @!@!@\n",
    );
    insta::assert_snapshot!(said.expect("an error"), @"spec/One.tla:8:10: Attempted to apply Head to the empty sequence.");
}

#[test]
fn the_words_of_the_parser_are_placed_too() {
    let semantic = explained(
        "Parsing file One.tla\nSemantic errors:\n\n*** Errors: 2\n\n\
         line 11, col 14 to line 11, col 18 of module One\n\nUnknown operator: `Limit'.\n\n\n\
         line 4, col 5 to line 4, col 8 of module One\n\nAnother\nthing.\n\n\
         @!@!@STARTMSG 3002:1 @!@!@\nParsing or semantic analysis failed.\n@!@!@ENDMSG 3002 @!@!@\n",
    );
    insta::assert_snapshot!(semantic.expect("an error"), @r"
    spec/One.tla:8:14: Unknown operator: `Limit'.
    spec/One.tla:4:5: Another thing.
    ");

    let syntax = explained(
        "Parsing file One.tla\n***Parse Error***\nWas expecting \"==== or more Module body\"\n\
         Encountered \"0\" at line 4, column 15 and token \"=\" \n\nResidual stack trace follows:\n\
         Module definition starting at line 1, column 1.\n\nIn module One\n\n\
         Could not parse module One from file One.tla\n\n\
         @!@!@STARTMSG 3002:1 @!@!@\nParsing or semantic analysis failed.\n@!@!@ENDMSG 3002 @!@!@\n",
    );
    insta::assert_snapshot!(syntax.expect("an error"), @r#"spec/One.tla:4:15: Was expecting "==== or more Module body" Encountered "0" and token "=""#);
}

#[test]
fn a_violation_is_no_error() {
    let said = "@!@!@STARTMSG 2110:1 @!@!@\nInvariant A is violated.\n@!@!@ENDMSG 2110 @!@!@\n\
                @!@!@STARTMSG 2121:1 @!@!@\nThe behavior:\n@!@!@ENDMSG 2121 @!@!@\n";
    assert_eq!(explained(said), None);
}
