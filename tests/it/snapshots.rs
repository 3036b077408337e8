//! The one way to a snapshot: `snapshots/<area>/<name>.snap`, holding the text that a reader sees.

/// Compares `text` with the snapshot `name` of `area`.
///
/// Line numbers of the tests themselves are replaced, so that a line more above changes no snapshot. What only
/// the feature `backtrace` tells is left out.
#[track_caller]
pub(crate) fn assert_shown(area: &str, name: &str, text: impl std::fmt::Display) {
    let mut settings = settings(area);
    settings.add_filter(r" \(at [^)]*\)( since|,)", "$1");
    settings.bind(|| insta::assert_snapshot!(name, text.to_string()));
}

/// Compares with a snapshot that holds for the feature `backtrace`.
#[cfg(feature = "backtrace")]
#[track_caller]
pub(crate) fn assert_shown_with_lines(area: &str, name: &str, text: impl std::fmt::Display) {
    settings(area).bind(|| insta::assert_snapshot!(name, text.to_string()));
}

fn settings(area: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../snapshots/{area}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"(tests/it/[\w/]+\.rs):\d+", "$1:LINE");
    settings
}
