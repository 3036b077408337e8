//! Light and dark, contrast, names of controls, focus.

use serde_json::json;

use crate::browser::{Page, browse};
use crate::{program, programs};

/// The contrast of a colour of the page with another, by the formula of WCAG 2.
async fn contrast(page: &Page, one: &str, other: &str) -> f64 {
    let script = format!(
        "(() => {{
            const light = (name) => {{
                const tile = new OffscreenCanvas(1, 1).getContext('2d');
                tile.fillStyle = getComputedStyle(Object.assign(document.body.appendChild(document.createElement('i')),
                    {{ style: `color: var(--${{name}})` }})).color;
                tile.fillRect(0, 0, 1, 1);
                const part = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
                const [red, green, blue] = [...tile.getImageData(0, 0, 1, 1).data].map((value) => part(value / 255));
                return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
            }};
            const [one, other] = [light('{one}'), light('{other}')];
            return Math.max(one, other) / Math.min(one, other);
        }})()"
    );
    page.eval(&script).await.as_f64().expect("a number")
}

#[test]
fn texts_and_marks_stand_out_in_light_and_in_dark() {
    browse(async |page| {
        page.open(program("deadlock").html()).await;
        for theme in ["light", "dark"] {
            page.eval(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            for ground in ["ground", "stripe", "raised"] {
                for text in ["text", "dim", "selected"] {
                    let ratio = contrast(&page, text, ground).await;
                    assert!(ratio >= 4.5, "{theme}: {text} on {ground} has {ratio:.2}");
                }
                let marks = [
                    "running",
                    "waits",
                    "blocks",
                    "completed",
                    "cancelled",
                    "panicked",
                    "note",
                    "chosen",
                    "abort",
                    "cursor",
                    "cycle",
                    "wake",
                    "ready",
                ];
                for mark in marks {
                    let ratio = contrast(&page, mark, ground).await;
                    assert!(ratio >= 3.0, "{theme}: {mark} on {ground} has {ratio:.2}");
                }
            }
            let ratio = contrast(&page, "on-running", "running").await;
            assert!(ratio >= 4.5, "{theme}: the numbers of turns have {ratio:.2}");
        }
    });
}

#[test]
fn the_button_turns_light_into_dark_and_back() {
    browse(async |page| {
        page.open(program("gather").html()).await;
        let ground = "getComputedStyle(document.body).backgroundColor";
        let before = page.eval(ground).await;
        page.click("#theme").await;
        let after = page.eval(ground).await;
        assert_ne!(before, after);
        page.photograph("turned").await;
        page.click("#theme").await;
        assert_eq!(page.eval(ground).await, before);
    });
}

#[test]
fn a_short_run_leaves_its_room_to_what_is_below() {
    browse(async |page| {
        let height = async |id: &str| {
            let script = format!("document.getElementById('{id}').clientHeight");
            page.eval(&script).await.as_u64().expect("a height")
        };
        page.open(program("deadlock").html()).await;
        // Four tasks, and a row for arrows that bend.
        assert_eq!(height("lanes").await, 5 * 26);
        assert!(height("drawer").await > 400 && height("panel").await > 600);
        assert!(height("sheet-legend").await > 100, "it stands below another sheet");
        page.press("d").await;
        assert!(height("lanes").await > 400 && height("drawer").await < 40);
        // A long run has all but what the sheets need.
        page.open(programs::thousand().html()).await;
        assert!(height("lanes").await > 300 && height("drawer").await < 260);
    });
}

#[test]
fn every_control_has_a_name_and_every_lane_its_place_in_the_tree() {
    browse(async |page| {
        page.open(program("nested").html()).await;
        let nameless = "[...document.querySelectorAll('button, input, select, [role=tree], [role=tabpanel], canvas')]
            .filter((part) => part.checkVisibility() && !part.hidden && part.getAttribute('aria-hidden') !== 'true'
                && !(part.ariaLabel || part.textContent.trim() || part.closest('label')?.textContent.trim()
                    || part.getAttribute('aria-labelledby')))
            .map((part) => part.outerHTML)";
        assert_eq!(page.eval(nameless).await, json!([]));
        let levels =
            "[...document.querySelectorAll('.name:not([hidden])')].map((name) => name.ariaLevel)";
        assert_eq!(page.eval(levels).await, json!(["1", "2", "3", "4", "4", "3", "3"]));
        assert_eq!(page.eval("document.activeElement.id").await, "lanes", "keys work at once");
        // The arrow down, twice.
        page.press("\u{e015}\u{e015}").await;
        let active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).innerText";
        let active = page.eval(active).await;
        assert!(active.as_str().unwrap().contains("outer"), "{active}");
    });
}

#[test]
fn everything_can_be_reached_by_the_tab_key_and_help_opens_and_closes() {
    browse(async |page| {
        page.open(programs::thousand().html()).await;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..40 {
            page.press("\u{e004}").await;
            seen.insert(page.eval("document.activeElement.id").await.to_string());
        }
        for id in ["search", "filter", "next", "fit", "theme", "lanes", "fold", "turn"] {
            assert!(seen.contains(&format!("\"{id}\"")), "{id}: {seen:?}");
        }
        page.eval("document.getElementById('lanes').focus()").await;
        page.press("?").await;
        assert_eq!(page.eval("document.getElementById('help').open").await, json!(true));
        page.photograph("help").await;
        page.press("\u{e00c}").await;
        assert_eq!(page.eval("document.getElementById('help').open").await, json!(false));
    });
}
