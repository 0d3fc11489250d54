//! How the token behaves, in virtual time.

use super::super::outcome::Unreachable;
use super::*;

/// A `gettoken` that counts how often it is asked, and gives `t1`, `t2`, ….
#[derive(Default)]
struct Source {
    asked: AtomicU32,
}

impl Source {
    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn give(&self, expires_in: Option<u64>) -> Result<Fetched, TokenFailure> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Fetched { token: format!("t{n}"), expires_in })
    }

    async fn fail(&self, because: TokenFailure) -> Result<Fetched, TokenFailure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Err(because)
    }
}

fn refused(code: i64) -> Refusal {
    Refusal { code, message: String::new() }
}

async fn seconds(n: u64) {
    tokio::time::advance(Duration::from_secs(n)).await;
}

#[tokio::test(start_paused = true)]
async fn many_who_want_a_token_cause_one_fetch() {
    let (token, source) = (AppToken::default(), Source::default());
    let all = futures_util::future::join_all((0..50).map(|_| token.get(async || source.give(Some(7200)).await))).await;
    assert!(all.iter().all(|got| got.as_ref().unwrap().reveal() == "t1"));
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let (token, source) = (AppToken::default(), Source::default());
    token.get(async || source.give(Some(7200)).await).await.unwrap();
    seconds(6899).await;
    assert_eq!(token.get(async || source.give(Some(7200)).await).await.unwrap().reveal(), "t1");
    seconds(2).await;
    assert_eq!(token.get(async || source.give(Some(7200)).await).await.unwrap().reveal(), "t2");
}

#[tokio::test(start_paused = true)]
async fn a_life_of_nothing_or_of_ages_is_not_believed() {
    for (said, lives_s) in [(Some(0), 60), (Some(u64::MAX), 86_100), (None, 6900)] {
        let (token, source) = (AppToken::default(), Source::default());
        token.get(async || source.give(said).await).await.unwrap();
        seconds(lives_s - 1).await;
        token.get(async || source.give(said).await).await.unwrap();
        assert_eq!(source.asked(), 1, "{said:?}");
        seconds(2).await;
        token.get(async || source.give(said).await).await.unwrap();
        assert_eq!(source.asked(), 2, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_used_until_its_end() {
    let (token, source) = (AppToken::default(), Source::default());
    let down = || TokenFailure::Unreachable(Unreachable::Timeout);
    token.get(async || source.give(Some(7200)).await).await.unwrap();
    seconds(7000).await;
    assert_eq!(token.get(async || source.fail(down()).await).await.unwrap().reveal(), "t1");
    assert_eq!(token.get(async || source.fail(down()).await).await.unwrap().reveal(), "t1");
    assert_eq!(source.asked(), 2, "the pause holds while the old token lives");
    seconds(300).await;
    assert!(token.get(async || source.fail(down()).await).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_asked_about_at_most_a_dozen_times_in_six_hours() {
    let (token, source) = (AppToken::default(), Source::default());
    for _ in 0..6 * 3600 {
        let refused = token.get(async || source.fail(refused(40001).into()).await).await.unwrap_err();
        assert_eq!(refused.because, TokenFailure::Refused(super::Refusal { code: 40001, message: String::new() }));
        seconds(1).await;
    }
    assert!((6..=12).contains(&source.asked()), "asked {} times", source.asked());
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_is_tried_every_minute_at_most_and_found_again() {
    let (token, source) = (AppToken::default(), Source::default());
    for _ in 0..3600 {
        let failure = TokenFailure::Unreachable(Unreachable::Timeout);
        assert!(token.get(async || source.fail(failure).await).await.is_err());
        seconds(1).await;
    }
    assert!((55..=70).contains(&source.asked()), "asked {} times", source.asked());
    seconds(60).await;
    assert!(token.get(async || source.give(None).await).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_asking_is_kept_for_a_minute_and_then_for_an_hour() {
    let (token, source) = (AppToken::default(), Source::default());
    let first = token.get(async || source.fail(refused(45009).into()).await).await.unwrap_err();
    assert_eq!(first.retry_in, MINUTE);
    seconds(60).await;
    let second = token.get(async || source.fail(refused(45009).into()).await).await.unwrap_err();
    assert_eq!(second.retry_in, HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_voided_token_is_replaced_once_and_then_there_is_a_pause() {
    for (code, pause) in [(40014, MINUTE), (42001, MINUTE), (40001, 5 * MINUTE)] {
        let (token, source) = (AppToken::default(), Source::default());
        let first = token.get(async || source.give(None).await).await.unwrap();
        assert!(token.rejected(&first, &refused(code)).await);
        let second = token.get(async || source.give(None).await).await.unwrap();
        assert!(!token.rejected(&second, &refused(code)).await);
        let none = token.get(async || source.give(None).await).await.unwrap_err();
        assert_eq!((none.because, none.retry_in), (TokenFailure::Rejected(refused(code)), pause));
        assert_eq!(source.asked(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_voided_token_is_replaced_again_two_hours_later() {
    let (token, source) = (AppToken::default(), Source::default());
    for _ in 0..3 {
        let held = token.get(async || source.give(None).await).await.unwrap();
        token.accepted();
        seconds(3600).await;
        assert!(token.rejected(&held, &refused(42001)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn two_calls_that_see_the_same_token_rejected_count_as_one() {
    let (token, source) = (AppToken::default(), Source::default());
    let held = token.get(async || source.give(None).await).await.unwrap();
    assert!(token.rejected(&held, &refused(42001)).await);
    assert!(token.rejected(&held, &refused(42001)).await);
    let next = token.get(async || source.give(None).await).await.unwrap();
    assert!(token.rejected(&held, &refused(42001)).await, "the late answer does not void the new token");
    assert_eq!(token.get(async || source.give(None).await).await.unwrap(), next);
}

#[test]
fn a_token_does_not_show_in_debug_output() {
    assert!(!format!("{:?}", AccessToken("geheim".into())).contains("geheim"));
}
