//! Pins every output of the generator.
//!
//! A test that fails here has found a change of all users' runs: it needs a release that says so,
//! not a new number. The numbers do not come from the code under test: the references are those
//! that the authors of the algorithms publish, and the rest was computed by a model in Python,
//! with plain rejection for Lemire's method and full arrays for samples.

use std::time::Duration;

use super::super::Rng;

#[test]
fn words_match_the_reference_of_xoshiro256_plus_plus() {
    let mut rng = Rng { state: [1, 2, 3, 4] };
    let expected = [
        41943041,
        58720359,
        3588806011781223,
        3591011842654386,
        9228616714210784205,
        9973669472204895162,
        14011001112246962877,
        12406186145184390807,
        15849039046786891736,
        10450023813501588000,
    ];
    assert_eq!([(); 10].map(|()| rng.next_u64()), expected);
}

#[test]
fn a_seed_fills_the_state_with_outputs_of_splitmix64() {
    assert_eq!(
        Rng::new(1234567).state,
        [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,]
    );
}

#[test]
fn words_are_pinned() {
    let mut rng = Rng::new(0);
    assert_eq!(
        [(); 4].map(|()| rng.next_u64()),
        [5987356902031041503, 7051070477665621255, 6633766593972829180, 211316841551650330]
    );
    let mut rng = Rng::new(u64::MAX);
    assert_eq!([(); 2].map(|()| rng.next_u64()), [6254647548650071986, 16610832622747802512]);
    let mut rng = Rng::new(0);
    assert_eq!([(); 4].map(|()| rng.next_u32()), [1394040161, 1641705277, 1544544145, 49201036]);
}

#[test]
fn generators_of_parts_and_forks_are_pinned() {
    assert_eq!(Rng::from_parts(0, 0, 0).next_u64(), 979092066466152230);
    assert_eq!(Rng::from_parts(1, 2, 3).next_u64(), 4898291580216479384);
    let mut rng = Rng::new(0);
    assert_eq!(rng.fork().next_u64(), 11498301964603702090);
    assert_eq!(rng.fork().next_u64(), 2549990116741667100);
    assert_eq!(rng.next_u64(), 6633766593972829180);
}

#[test]
fn bytes_bools_and_floats_are_pinned() {
    let mut bytes = [0; 11];
    Rng::new(0).fill_bytes(&mut bytes);
    assert_eq!(bytes, [223, 35, 11, 73, 97, 93, 23, 83, 7, 213, 128]);
    let mut rng = Rng::new(0);
    assert_eq!([(); 8].map(|()| u8::from(rng.bool())), [0, 0, 0, 0, 0, 0, 1, 1]);
    let mut rng = Rng::new(0);
    assert_eq!([(); 8].map(|()| u8::from(rng.chance(1, 3))), [1, 0, 0, 1, 0, 1, 0, 0]);
    let mut rng = Rng::new(0);
    // Compared as bits, as the last one counts.
    assert_eq!(
        [(); 3].map(|()| rng.f64().to_bits()),
        [4599518648142545608, 4600557430931251252, 4600149907607332510]
    );
}

#[test]
fn ranges_are_pinned() {
    let mut rng = Rng::new(0);
    assert_eq!([(); 8].map(|()| rng.range(0..100_u8)), [32, 38, 35, 1, 49, 2, 85, 84]);
    assert_eq!([(); 8].map(|()| rng.range(-50..=50_i16)), [-21, -43, -19, -44, -40, -41, -44, -10]);
    assert_eq!(
        [(); 2].map(|()| rng.range(..1_u64 << 63)),
        [5774477194277290580, 1056168918472183393]
    );
    assert_eq!(
        [(); 2].map(|()| rng.range::<i64>(..)),
        [-3189066964815972712, -1787307307240453919]
    );
    assert_eq!([(); 2].map(|()| rng.range(7..1_usize << 31)), [594841594, 280365720]);
    assert_eq!(rng.range::<u128>(..), 93011676829941796118631882140822422751);
    assert_eq!(rng.range(-1_i128 << 64..), 128631340429314382777248448927028492423);
    let seconds = Duration::from_secs(1)..Duration::from_secs(2);
    assert_eq!(rng.range(seconds), Duration::new(1, 135839278));
    assert_eq!(rng.range::<Duration>(..), Duration::new(4295551485824862444, 628765375));
    assert_eq!(rng.next_u64(), 813558751908823392);
}

#[test]
fn choices_from_slices_are_pinned() {
    let mut rng = Rng::new(0);
    let mut items: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert_eq!([(); 8].map(|()| *rng.choose(&items).unwrap()), [3, 3, 3, 0, 4, 0, 8, 8]);
    assert_eq!([(); 8].map(|()| *rng.choose_mut(&mut items).unwrap()), [2, 0, 3, 0, 1, 0, 0, 4]);
    let weigh = |item: &u8| u32::from(*item);
    assert_eq!(
        [(); 8].map(|()| *rng.choose_weighted(&items, weigh).unwrap()),
        [8, 3, 5, 6, 5, 3, 2, 5]
    );
    rng.shuffle(&mut items);
    assert_eq!(items, [2, 6, 8, 7, 0, 5, 9, 1, 3, 4]);
    assert_eq!(rng.sample(10, 10), [8, 0, 3, 6, 4, 1, 2, 5, 7, 9]);
    assert_eq!(rng.sample(1000, 4), [56, 34, 183, 216]);
    assert_eq!(rng.next_u64(), 3063463009579700292);
}
