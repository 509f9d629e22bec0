---------------------------- MODULE Shrink ----------------------------
(* A pool gives back memory that no object is in, while a thread drops the
   last reference to an object.

   Chunk 1 has the slots 1 and 2, chunk 2 has slot 3 and some that were never
   used. Slot 1 has the object that is dropped; the others are free. The
   shrinker has the only handle, and makes the handles' count dead, so that a
   release hook gets none meanwhile. It closes the threads' caches as at the
   pool's end, and empties them; takes the shared list; frees the chunks at the
   end all of whose used slots it has now; then gives back the other slots, the
   caches, and the handle. In each slot there was one object, of generation 1;
   slots used for the first time begin after that from now on.

   Without the claim:

     1  holder: the last put; its hook gets a handle, and finds chunk 2
     2  shrinker: frees chunk 2
     3  holder: looks at a slot there

   Without the wait:

     1  holder: flag up; not closed; about to put its slot into its list
     2  shrinker: says closed; empties the list at the same time

   Fix: "claim"            what the code does
        "no_claim"         the shrinker looks whether its handle is the only
                           one, and leaves it alive
        "no_wait"          it does not wait for the flags
        "same_generation"  memory that comes anew begins where the first did

   Code: impl/graceref/src/slots/shrink.rs, impl/graceref/src/slots/cache.rs,
         impl/graceref/src/slots/close.rs, impl/graceref/src/slots/shared.rs,
         impl/graceref/src/count/word.rs, impl/graceref/src/pool/release.rs *)
EXTENDS Integers, Sequences

CONSTANT Fix

ASSUME Fix \in {"claim", "no_claim", "no_wait", "same_generation"}

Null  == 0
Slots == 1..3
ChunkOf(s) == IF s <= 2 THEN 1 ELSE 2
\* How many slots are used before the chunk's first.
Before(c) == IF c = 1 THEN 0 ELSE 2
Range(q) == {q[i] : i \in DOMAIN q}

RECURSIVE Chain(_, _, _)
\* The slots from this one on, as the links say; so many at most.
Chain(s, links, n) ==
  IF s = Null \/ n = 0 THEN <<>> ELSE <<s>> \o Chain(links[s], links, n - 1)

\* The slots of the list, one after the other linked to what there was before.
Onto(q, before, links) ==
  [s \in Slots |->
     IF s \notin Range(q) THEN links[s]
     ELSE LET i == CHOOSE i \in DOMAIN q : q[i] = s
          IN IF i = 1 THEN before ELSE q[i - 1]]

(*
--algorithm Shrink {
variables
  count    = <<1, 0, 0>>;               \* each slot's references,
  next     = <<0, 3, 0>>;               \* and its link
  first    = 2;                         \* the shared list's head
  fresh    = 3;                         \* how many slots were ever used
  begun    = 0;                         \* the generation before that of a slot used for the first time
  there    = <<TRUE, TRUE>>;            \* whether the pool has the chunk
  handles  = 1;
  hgen     = 0;                         \* how often they were given back
  closed   = FALSE;
  newest   = 0;                         \* whose cache there is: the holder's, or none;
  busy     = FALSE;                     \* its flag,
  len      = 0;                         \* and how many slots it has
  \* ghosts
  released = 0;
  freed    = 0;                         \* how many chunks were freed: the second is the first to go

define {
  Listed == Chain(first, next, 4)
  \* The last of the chunks that are to go.
  Going == IF there[2] THEN 2 ELSE 1
  AnyGoes == \E c \in 1..2 : there[c] /\ Before(c) >= fresh
}

fair process (shrinker \in {"shrinker"})
variables cached = 0; khead = 0;
{
shrink_claim_load:
  if (handles # 1) { goto Done } else { if (Fix = "no_claim") { goto shrink_say } };
shrink_claim:
  if (handles = 1) { handles := 0 } else { goto Done };
shrink_say:
  closed := TRUE;
shrink_newest:
  if (newest = 0) { goto shrink_swap };
shrink_wait:
  await Fix = "no_wait" \/ ~busy;
shrink_tally:
  cached := len;
  next   := IF len = 1 THEN [next EXCEPT ![1] = Null] ELSE next;
  len    := 0;
shrink_swap:
  \* Slot 2, if there is an object in slot 1, stays; else both chunks go.
  if (Len(Listed) + cached = 3) {
    next  := Onto(Listed, cached, next);
    fresh := 0;
  } else {
    next  := [Onto(Listed, cached, next) EXCEPT ![2] = Null];
    fresh := 2;
  };
  begun := IF Fix = "same_generation" THEN 0 ELSE 1;
  first := Null;
shrink_forget:
  next  := [s \in Slots |-> IF ChunkOf(s) = Going THEN Null ELSE next[s]];
  there := [there EXCEPT ![Going] = FALSE];
shrink_free:
  freed := freed + 1;
  if (AnyGoes) { goto shrink_forget } else { if (fresh = 0) { goto shrink_lift } };
shrink_head:
  khead := first;
shrink_next:
  next[2] := khead;
shrink_push:
  if (first = khead) { first := 2 } else { goto shrink_head };
shrink_lift:
  closed := FALSE;
  if (Fix = "no_claim") { goto Done };
shrink_init:
  handles := 1;
  hgen    := hgen + 1;
}

fair process (holder \in {"holder"})
variables seen = 0; sgen = 0; shut = FALSE; head = 0;
{
hold_put:
  count[1] := 0;
hold_get_load:                          \* the hook asks for a handle
  seen := handles;
  sgen := hgen;
  if (seen = 0) { goto hold_release };
hold_get_cas:
  if (handles = seen /\ hgen = sgen) {
    handles := handles + 1;
    if (there[2]) { goto hold_peek };
  } else { goto hold_get_load };
hold_chunk:                             \* it looks for the object that was in slot 3
  if (~there[2]) { goto hold_close_put };
hold_peek:
  skip;                                 \* that object is dead
hold_close_put:
  handles := handles - 1;
hold_release:
  released := released + 1;
hold_free_newest:                       \* it has no cache yet
  skip;
hold_free_enlist:
  newest := 1;
hold_free_enter:
  busy := TRUE;
hold_free_look:
  shut := closed;
  if (shut) { goto hold_free_exit };
hold_free_list:
  len := len + 1;
hold_free_exit:
  busy := FALSE;
  if (~shut) { goto Done };
hold_free_head:
  head := first;
hold_free_next:
  next[1] := head;
hold_free_push:
  if (first = head) { first := 1 } else { goto hold_free_head };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"shrinker", "holder"}

TypeOK ==
  /\ count \in [Slots -> 0..1] /\ next \in [Slots -> 0..3] /\ first \in 0..3
  /\ fresh \in {0, 2, 3} /\ begun \in 0..1 /\ there \in [1..2 -> BOOLEAN]
  /\ handles \in 0..2 /\ hgen \in 0..1
  /\ closed \in BOOLEAN /\ newest \in 0..1 /\ busy \in BOOLEAN /\ len \in 0..1
  /\ released \in 0..1 /\ freed \in 0..2

\* Nobody is about to touch memory that is gone: slot 3 by its key, or slot 1, which the holder has until it is given.
NoUseAfterFree ==
  /\ ~(pc["holder"] = "hold_peek" /\ freed >= 1)
  /\ ~(freed = 2 /\ pc["holder"] \in {"hold_put", "hold_release", "hold_free_list", "hold_free_next", "hold_free_push"})

\* The shrinker and the holder are not about to touch the holder's list both.
NoDataRace == ~(pc["shrinker"] = "shrink_tally" /\ pc["holder"] = "hold_free_list")

\* Slots in the memory that comes in place of what went are of a generation that no key has.
NoAlias == freed > 0 => begun >= 1

\* Every slot that there is, is free, in one place; and the pool is as usable as it was.
NothingLeft ==
  (\A t \in Threads : pc[t] = "Done") =>
    /\ Len(Listed) + len = fresh
    /\ Range(Listed) \cup (IF len = 1 THEN {1} ELSE {}) = 1..fresh
    /\ \A c \in 1..2 : there[c] = (Before(c) < fresh)
    /\ handles = 1 /\ ~closed /\ ~busy /\ released = 1

\* Witnesses: these must fail.
NeverWhole == freed < 2
NeverRefused == ~(pc["shrinker"] = "Done" /\ freed = 0)
NeverNoHandle == ~(pc["holder"] = "hold_release" /\ seen["holder"] = 0)
NeverShut == ~shut["holder"]
NeverAfter == pc["holder"] # "hold_chunk"
\* The bait: this must fail.
NeverFreed == freed = 0

\* Liveness.
BothEnd == <>(\A t \in Threads : pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {count, <<9, 0, 0>>}
  /\ freed' \in {freed, 2} /\ begun' \in {begun, 0}
  /\ pc' \in {pc, [pc EXCEPT !["shrinker"] = "shrink_tally", !["holder"] = "hold_free_list"]}
  /\ released' \in {released, 0}
  /\ UNCHANGED <<next, first, fresh, there, handles, hgen, closed, newest, busy, len>>
  /\ UNCHANGED <<cached, khead, seen, sgen, shut, head>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
