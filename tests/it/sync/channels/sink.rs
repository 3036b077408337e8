//! Senders as sinks, which is a feature of its own.
#![cfg(feature = "sink")]

use futures_util::stream::{self, StreamExt};
use futures_util::{FutureExt, SinkExt};
use simloop::sync::mpsc::error::TrySendError;
use simloop::sync::mpsc::{channel, unbounded_channel};
use simloop::{now, run, sleep, spawn, yield_now};

use crate::secs;

#[test]
fn a_stream_is_forwarded_into_a_bounded_channel_as_fast_as_it_is_emptied() {
    run(async {
        let (tx, mut rx) = channel(1);
        let forward = spawn(stream::iter(1..=4).map(Ok).forward(tx));
        let mut seen = Vec::new();
        while let Some(number) = rx.recv().await {
            assert!(rx.len() <= 1);
            sleep(secs(1)).await;
            seen.push(number);
        }
        assert_eq!((seen, now().to_string()), (vec![1, 2, 3, 4], "4s".to_owned()));
        forward.await.unwrap().unwrap();
    });
}

#[test]
fn a_sink_that_is_ready_keeps_a_place_until_it_is_used_closed_or_dropped() {
    run(async {
        let (mut tx, mut rx) = channel(1);
        let other = tx.clone();
        std::future::poll_fn(|cx| tx.poll_ready_unpin(cx)).await.unwrap();
        assert_eq!(other.try_send(9), Err(TrySendError::Full(9)));
        tx.start_send_unpin(1).unwrap();
        assert_eq!(rx.recv().await, Some(1));
        assert_eq!(other.capacity(), 1, "the place was used once");
        std::future::poll_fn(|cx| tx.poll_ready_unpin(cx)).await.unwrap();
        SinkExt::<u8>::close(&mut tx).await.unwrap();
        assert_eq!(other.capacity(), 1);
        assert!(SinkExt::feed(&mut tx, 2).await.is_err(), "the sink was closed");
        let mut dropped = other.clone();
        std::future::poll_fn(|cx| dropped.poll_ready_unpin(cx)).await.unwrap();
        assert_eq!(other.capacity(), 0);
        drop(dropped);
        assert_eq!(other.capacity(), 1);
    });
}

#[test]
fn s29_room_handed_to_a_sink_that_is_dropped_goes_to_the_next() {
    run(async {
        let (tx, mut rx) = channel(1);
        tx.send(0).await.unwrap();
        let mut sink = tx.clone();
        assert!(SinkExt::feed(&mut sink, 1).now_or_never().is_none());
        let next = spawn(async move { tx.send(2).await });
        yield_now().await;
        assert_eq!(rx.recv().await, Some(0));
        drop(sink);
        assert_eq!(rx.recv().await, Some(2));
        next.await.unwrap().unwrap();
    });
}

#[test]
fn an_unbounded_sender_is_a_sink_that_is_always_ready() {
    run(async {
        let (mut tx, mut rx) = unbounded_channel();
        let numbers = &mut stream::iter(0..100).map(Ok);
        assert!(tx.send_all(numbers).now_or_never().unwrap().is_ok());
        assert_eq!(rx.by_ref().take(100).count().await, 100);
        drop(rx);
        assert!(SinkExt::feed(&mut tx, 1).await.is_err());
    });
}
