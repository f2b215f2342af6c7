//! A whole server without a listener, and a browser that keeps its cookie.

use std::collections::BTreeMap;

use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use axum::Router;
use axum::body::{Body, to_bytes};
use config::Config;
use http::{HeaderMap, Method, Request, StatusCode};
use roomcast::app::{App, open_database};
use roomcast::clock;
use tempfile::TempDir;
use tower::ServiceExt;

/// The API key of the servers.
pub const API_KEY: &str = "a-key-that-only-the-back-end-knows";

/// A server with its own database.
pub struct Server {
    pub app: Option<App>,
    router: Router,
    keys: Keys,
    config: Config,
    _folder: TempDir,
}

impl Server {
    /// A server with these settings, and with a secret and an API key.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let production = [("JWT_SECRET", "0123456789abcdef0123456789abcdef"), ("ROOMCAST_API_KEY", API_KEY)];
        Self::with(&[&production, settings].concat()).await
    }

    /// A server in dev mode.
    pub async fn start_dev(settings: &[(&str, &str)]) -> Self {
        Self::with(settings).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = format!("sqlite://{}", folder.path().join("test.db").display());
        let settings: BTreeMap<_, _> = [("DATABASE_URL", database_url.as_str())].into_iter().chain(settings.iter().copied()).collect();
        let config = Config::of_pairs(settings).unwrap();
        let keys = Keys::load(&config).unwrap();
        let database = open_database(&config).unwrap();
        let app = App::start(&config, &keys, &database).await.unwrap();
        Self { router: app.router(), app: Some(app), keys, config, _folder: folder }
    }

    /// The path that signs in once.
    pub fn sign_in_path(&self) -> Option<String> {
        self.app.as_ref().and_then(App::console_sign_in_path)
    }

    /// A token for a user with this role that expires in so many seconds.
    pub fn token(&self, role: Option<&str>, expires_in: i64) -> String {
        let now = clock::seconds();
        let claims = NewTokenClaims {
            sub: "olga".into(),
            role: role.map(str::to_owned),
            iat: now - 1000,
            exp: Some(now + expires_in),
            ..NewTokenClaims::default()
        };
        sign(&self.keys, &claims, &self.config.auth).unwrap()
    }

    /// A browser without a cookie.
    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookie: None }
    }

    /// A browser that has signed in with the API key.
    pub async fn operator(&self) -> Browser {
        let mut browser = self.browser();
        assert_eq!(browser.sign_in(API_KEY).await.status, 303);
        browser
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            tokio::task::block_in_place(|| app.close());
        }
    }
}

/// A browser: it keeps the cookie of the last response that set one.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookie: Option<String>,
}

/// A response.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    /// A header as text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The CSRF token of the first form.
    pub fn csrf(&self) -> &str {
        let start = r#"name="csrf" value=""#;
        let rest = self.text.split_once(start).unwrap_or_else(|| panic!("no form in {}", self.text)).1;
        rest.split_once('"').unwrap().0
    }
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends a form.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, &[("content-type", "application/x-www-form-urlencoded")], &form).await
    }

    /// Sends the form of the page to sign in.
    pub async fn sign_in(&mut self, key: &str) -> Page {
        let csrf = self.get("/console/sign-in").await.csrf().to_owned();
        self.post("/console/sign-in", &[("csrf", &csrf), ("key", key)]).await
    }

    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        let page = Page { status: parts.status, headers: parts.headers, text };
        if let Some((cookie, _)) = page.header("set-cookie").split_once(';') {
            self.cookie = Some(cookie.to_owned());
        }
        page
    }
}
