//! A browser for one test: started for it, and ended with it.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// No window, no network, nothing kept.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1000",
];

/// A page in a browser.
pub struct Page {
    client: Client,
}

/// `chromedriver`, which ends with this value.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Driver {
        let mut process = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`chromedriver` is on the path (Debian's package `chromium-driver`)");
        let said = BufReader::new(process.stdout.take().expect("a pipe"));
        let port = said.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        Driver { process, port: port.expect("it says on which port it listens") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a test in a browser of its own.
pub fn browse<F: Future<Output = ()> + 'static>(test: impl FnOnce(Page) -> F) {
    browse_with(json!({}), test);
}

/// The same with preferences of the browser.
pub fn browse_with<F: Future<Output = ()> + 'static>(
    preferences: Value,
    test: impl FnOnce(Page) -> F,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let driver = Driver::start();
    runtime.block_on(async {
        let profile = temporary("profile");
        let profile_argument = format!("--user-data-dir={}", profile.display());
        let arguments: Vec<_> = ARGUMENTS.into_iter().chain([&*profile_argument]).collect();
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("Chromium starts (Debian's package `chromium`)");
        let page = Page { client: client.clone() };
        let local = tokio::task::LocalSet::new();
        let ended = local.run_until(async { tokio::task::spawn_local(test(page)).await }).await;
        // However the test ended, the browser ends first.
        let _ = client.close().await;
        let _ = std::fs::remove_dir_all(profile);
        if let Err(failed) = ended {
            std::panic::resume_unwind(failed.into_panic());
        }
    });
}

/// A path that no other test uses.
fn temporary(what: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{what}-{}-{number}", std::process::id()))
}

/// A page with what `BREAK=old=>new` replaces in it, so that whoever writes a test sees it fail without building
/// the crate anew.
fn broken(html: String) -> String {
    let Ok(change) = std::env::var("BREAK") else { return html };
    let (old, new) = change.split_once("=>").expect("`old=>new`");
    assert!(html.contains(old), "`{old}` is not in the page");
    html.replace(old, new)
}

impl Page {
    /// Opens a page from disk and waits until it is drawn.
    pub async fn open(&self, html: impl ToString) {
        self.open_plain(html).await;
        self.client
            .wait()
            .for_element(Locator::Css("#app:not([hidden]) .name, #nothing:not([hidden])"))
            .await
            .expect("the page is drawn");
        self.drawn().await;
    }

    /// Opens a page whose scripts need not run.
    pub async fn open_plain(&self, html: impl ToString) {
        let file = temporary("page").with_extension("html");
        std::fs::write(&file, broken(html.to_string())).expect("a page can be written");
        let url = url::Url::from_file_path(&file).expect("a whole path");
        self.client.goto(url.as_str()).await.expect("the page opens");
        std::fs::remove_file(file).expect("it is read");
    }

    /// Evaluates an expression in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!("const page = window.simloop; return {expression};");
        self.client
            .execute(&script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until all that was changed is drawn.
    pub async fn drawn(&self) {
        let wait = "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
        self.client.execute_async(wait, Vec::new()).await.expect("frames come");
    }

    pub async fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? null";
        let text = self.client.execute(script, vec![selector.into()]).await.expect("a script runs");
        text.as_str().unwrap_or_else(|| panic!("nothing is {selector}")).to_owned()
    }

    /// The texts of all that is visible of something.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility())
            .map((one) => one.innerText ?? one.textContent)";
        let texts =
            self.client.execute(script, vec![selector.into()]).await.expect("a script runs");
        let texts = texts.as_array().expect("a list").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    pub async fn click(&self, selector: &str) {
        let found = self.client.find(Locator::Css(selector)).await;
        found
            .unwrap_or_else(|_| panic!("nothing is {selector}"))
            .click()
            .await
            .expect("it can be clicked");
        self.drawn().await;
    }

    /// Presses keys one after the other, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions = keys.chars().fold(KeyActions::new("keys".to_owned()), |actions, value| {
            actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(actions).await.expect("keys can be pressed");
        self.drawn().await;
    }

    /// Presses the button at one point, moves to others, and lets go.
    pub async fn drag(&self, points: &[(f64, f64)]) {
        let mut actions = MouseActions::new("mouse".to_owned());
        for (place, &(x, y)) in points.iter().enumerate() {
            actions =
                actions.then(PointerAction::MoveTo { duration: None, x: x.round(), y: y.round() });
            if place == 0 {
                actions = actions.then(PointerAction::Down { button: 0 });
            }
        }
        let actions = actions.then(PointerAction::Up { button: 0 });
        self.client.perform_actions(actions).await.expect("the pointer can be moved");
        self.drawn().await;
    }

    pub async fn click_at(&self, point: (f64, f64)) {
        self.drag(&[point]).await;
    }

    /// The middle of a span of a task on the screen.
    pub async fn place_of(&self, path: &str, state: &str) -> (f64, f64) {
        let script = "const [path, state] = arguments;
            const page = window.simloop, { run, view, rows } = page;
            const lane = run.laneOf[run.paths.indexOf(path)];
            const { first, from, to } = run.spans;
            const box = document.getElementById('canvas').getBoundingClientRect();
            for (let span = first[lane]; span < first[lane + 1]; span++) {
                if (String(run.spans.state[span]) !== state) continue;
                return [box.left + view.x((from[span] + to[span]) / 2),
                    box.top + rows.rowOf[lane] * 26 + 13 - document.getElementById('lanes').scrollTop];
            }
            return null";
        let place =
            self.client.execute(script, vec![path.into(), state.into()]).await.expect("it runs");
        let number =
            |at: usize| place[at].as_f64().unwrap_or_else(|| panic!("{path} has no span {state}"));
        (number(0), number(1))
    }

    /// Types into a field in place of what is in it.
    pub async fn fill(&self, selector: &str, keys: &str) {
        let script =
            "const field = document.querySelector(arguments[0]); field.focus(); field.select()";
        self.client.execute(script, vec![selector.into()]).await.expect("a field");
        self.press(keys).await;
    }

    pub async fn choose(&self, selector: &str, value: &str) {
        let field = self.client.find(Locator::Css(selector)).await.expect("a field");
        field.select_by_value(value).await.expect("it has that value");
        self.drawn().await;
    }

    /// Leaves a picture of the page where whoever runs the tests wants to have it.
    pub async fn photograph(&self, name: &str) {
        let Some(directory) = std::env::var_os("SCREENSHOTS") else { return };
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(PathBuf::from(directory).join(format!("{name}.png")), picture)
            .expect("a file");
    }

    /// Checks that the console is empty and that nothing but the page itself was asked for.
    pub async fn assert_quiet(&self) {
        let said = self.log("browser").await;
        assert!(said.is_empty(), "{said:#?}");
        for entry in self.log("performance").await {
            let message: Value =
                serde_json::from_str(entry["message"].as_str().expect("text")).expect("JSON");
            let url = &message["message"]["params"]["request"]["url"];
            if message["message"]["method"] == "Network.requestWillBeSent" {
                let url = url.as_str().expect("an address");
                // Chromium's own first page comes from inside Chromium.
                let is_here =
                    ["file:///", "data:", "chrome:"].iter().any(|start| url.starts_with(start));
                assert!(is_here, "asks for {url}");
            }
        }
    }

    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let log = self.client.issue_cmd(Log(kind)).await.expect("the driver keeps logs");
        log.as_array().expect("a list").clone()
    }
}

/// Chromium's command for what was logged since the last time.
#[derive(Debug)]
struct Log(&'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}
