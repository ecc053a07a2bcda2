//! Queues from one thread and from several.

use std::thread;

use proptest::prelude::*;

use super::*;

const BLOCK: WhenFull = WhenFull::Block;

fn lanes(rules: &[(usize, WhenFull)]) -> Lanes<u32> {
    let rules: Vec<LaneRule> =
        rules.iter().map(|&(capacity, when_full)| LaneRule { capacity, when_full }).collect();
    Lanes::new("test", &rules)
}

#[test]
fn urgent_items_overtake_and_each_lane_keeps_its_order() {
    let queue = lanes(&[(4, BLOCK), (4, BLOCK)]);
    for (lane, item) in [(1, 10), (1, 11), (0, 1), (1, 12), (0, 2)] {
        queue.push(lane, item).unwrap();
    }
    queue.close();
    let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
    assert_eq!(order, [1, 2, 10, 11, 12]);
}

#[test]
fn a_sorted_lane_hands_out_the_smallest_and_equals_in_the_order_they_came() {
    let queue: Lanes<(u32, char)> = Lanes::new("test", &[LaneRule { capacity: 5, when_full: BLOCK }]);
    for item in [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (1, 'e')] {
        queue.push_sorted(0, item, |new, queued| new.0 < queued.0).unwrap();
    }
    queue.close();
    let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    assert_eq!(order, [(1, 'b'), (1, 'e'), (2, 'd'), (3, 'a'), (3, 'c')]);
}

#[test]
fn a_full_lane_does_not_take_the_room_of_another() {
    let queue = lanes(&[(1, WhenFull::Refuse), (1, WhenFull::DropOldest), (2, WhenFull::Refuse)]);
    assert_eq!(queue.push(2, 20), Ok(None));
    assert_eq!(queue.push(2, 21), Ok(None));
    assert_eq!(queue.push(2, 22), Err(PushError::Full(22)));
    assert_eq!(queue.push(1, 10), Ok(None));
    assert_eq!(queue.push(1, 11), Ok(Some(10)));
    assert_eq!(queue.push(0, 1), Ok(None));
    assert_eq!(queue.push(0, 2), Err(PushError::Full(2)));
    let counts = |snapshot: &Snapshot| -> Vec<(usize, u64, u64, u64)> {
        snapshot.lanes.iter().map(|lane| (lane.depth, lane.pushed, lane.refused, lane.dropped)).collect()
    };
    assert_eq!(counts(&queue.snapshot()), [(1, 1, 1, 0), (1, 2, 0, 1), (2, 2, 1, 0)]);
    assert_eq!(queue.snapshot().depth(), 4);
}

#[test]
fn what_would_leave_last_makes_room_also_when_it_is_the_new_item() {
    let queue: Lanes<u32> = Lanes::new("test", &[LaneRule { capacity: 2, when_full: WhenFull::DropLast }]);
    let push = |item| queue.push_sorted(0, item, |new, queued| new < queued);
    assert_eq!((push(3), push(5)), (Ok(None), Ok(None)));
    assert_eq!(push(4), Ok(Some(5)));
    assert_eq!(push(9), Ok(Some(9)));
    assert_eq!(push(4), Ok(Some(4)), "of equals the newer one");
    assert_eq!(push(1), Ok(Some(4)));
    let lane = queue.snapshot().lanes[0];
    assert_eq!((lane.depth, lane.dropped, lane.pushed), (2, 4, 4));
    assert_eq!(queue.close_and_drain(), [1, 3]);
}

#[test]
fn a_blocked_pusher_goes_on_when_room_is_made_and_gets_its_item_back_on_close() {
    let queue = Arc::new(lanes(&[(1, BLOCK)]));
    queue.push(0, 1).unwrap();
    let pusher = |item| {
        let queue = Arc::clone(&queue);
        thread::spawn(move || queue.push(0, item))
    };
    let second = pusher(2);
    assert_eq!(queue.pop(), Some(1));
    assert_eq!(second.join().unwrap(), Ok(None));
    assert_eq!(queue.try_push(0, 9), Err(PushError::Full(9)));
    let third = pusher(3);
    queue.close();
    assert_eq!(third.join().unwrap(), Err(PushError::Closed(3)));
    assert_eq!(queue.pop(), Some(2));
    assert_eq!(queue.pop(), None);
}

#[test]
fn a_channel_ends_with_its_last_sender_and_delivers_what_was_sent() {
    let (sender, receiver) = bounded("test", 2);
    let second = sender.clone();
    let feeder = thread::spawn(move || (0..100).try_for_each(|item| sender.send(item)));
    let received: Vec<i32> = (0..100).map_while(|_| receiver.receive()).collect();
    feeder.join().unwrap().unwrap();
    assert_eq!(received, (0..100).collect::<Vec<_>>());
    drop(second);
    assert_eq!(receiver.receive(), None);
}

#[test]
fn a_channel_without_receiver_hands_the_item_back() {
    let (sender, receiver) = bounded("test", 2);
    sender.send(1).unwrap();
    drop(receiver);
    assert_eq!(sender.send(2), Err(PushError::Closed(2)));
    assert_eq!(sender.try_send(3), Err(PushError::Closed(3)));
}

#[test]
fn many_pushers_and_poppers_lose_and_double_nothing() {
    let queue = Arc::new(lanes(&[(3, BLOCK), (5, BLOCK)]));
    let poppers: Vec<_> = (0..3)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || std::iter::from_fn(|| queue.pop()).collect::<Vec<u32>>())
        })
        .collect();
    let pushers: Vec<_> = (0..4_u32)
        .map(|pusher| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for index in 0..500 {
                    queue.push((index % 2) as usize, pusher * 1_000 + index).unwrap();
                }
            })
        })
        .collect();
    pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
    queue.close();
    let mut all: Vec<u32> = poppers.into_iter().flat_map(|popper| popper.join().unwrap()).collect();
    all.sort_unstable();
    let expected: Vec<u32> =
        (0..4).flat_map(|pusher| (0..500).map(move |index| pusher * 1_000 + index)).collect();
    assert_eq!(all, expected);
}

proptest! {
    #[test]
    fn order_bounds_and_counts_hold_for_any_sequence(
        steps in proptest::collection::vec((0_usize..3, any::<bool>()), 0..200),
        capacity in 1_usize..5,
    ) {
        let queue = lanes(&[
            (capacity, WhenFull::Refuse), (capacity, WhenFull::DropOldest), (capacity, WhenFull::Refuse),
        ]);
        let mut model: Vec<VecDeque<u32>> = vec![VecDeque::new(); 3];
        let (mut taken, mut handed_out, mut lost) = (0_u64, 0_u64, 0_u64);
        for (item, (lane, is_push)) in (0_u32..).zip(steps) {
            if is_push {
                match queue.push(lane, item) {
                    Ok(evicted) => {
                        taken += 1;
                        model[lane].push_back(item);
                        if let Some(evicted) = evicted {
                            lost += 1;
                            prop_assert_eq!(model[lane].pop_front(), Some(evicted));
                        }
                    }
                    Err(PushError::Full(back)) => {
                        prop_assert_eq!(back, item);
                        prop_assert_eq!(model[lane].len(), capacity);
                    }
                    Err(PushError::Closed(_)) => prop_assert!(false, "nobody closed it"),
                }
            } else {
                let expected = model.iter_mut().find(|lane| !lane.is_empty()).and_then(VecDeque::pop_front);
                handed_out += u64::from(expected.is_some());
                prop_assert_eq!(queue.try_pop(), expected);
            }
            let snapshot = queue.snapshot();
            prop_assert!(snapshot.lanes.iter().all(|lane| lane.depth <= capacity));
            prop_assert_eq!(snapshot.depth() as u64, taken - handed_out - lost);
        }
        let rest: Vec<u32> = model.into_iter().flatten().collect();
        prop_assert_eq!(queue.close_and_drain(), rest);
    }
}
