---------------------------- MODULE EpNested ----------------------------
(* Two EPOLL_CTL_ADDs that make epolls watch each other, or a chain of them.

   An epoll that watches itself, over however many others, would poll itself,
   under its own mutex; and each level of nesting is a level of recursion. So
   EPOLL_CTL_ADD looks down from its target and up from its epoll first, and
   epnested_mutex keeps a second one from adding between look and insert:

     1  first:  EPOLL_CTL_ADD(1, 2): from 2 down nothing leads to 1
     2  second: EPOLL_CTL_ADD(2, 1): from 1 down nothing leads to 2
     3  both insert; ->poll of 1 takes mtx of 1, of 2, of 1

   Check: "both"  down from the target and up from the epoll (2025)
          "down"  down only, as before: a chain grows at its lower end
          "none"  nothing
   Serial: under epnested_mutex
   Chain: 2 watches 3 already, first adds 1 to 2 and second 3 to 4, which would
          be one level too many; else they add 1 to 2 and 2 to 1

   EP_MAX_NESTS is 2 here, not 4. ->poll goes two levels down, enough to meet
   itself in a circle of two.

   Code: impl/lifetimes/src/ep_nested.rs *)
EXTENDS Integers

CONSTANTS Check, Serial, Chain

ASSUME Check \in {"both", "down", "none"}
ASSUME Serial \in BOOLEAN /\ Chain \in BOOLEAN

Eps  == 1..4
Max  == 2
From == [first |-> 1, second |-> IF Chain THEN 3 ELSE 2]
To   == [first |-> 2, second |-> IF Chain THEN 4 ELSE 1]

(*
--algorithm EpNested {
variables
  nested  = FALSE;                      \* epnested_mutex
  mtx     = [e \in Eps |-> FALSE];      \* ep->mtx
  watches = [e \in Eps |-> IF Chain /\ e = 2 THEN 3 ELSE 0];    \* ep->rbr: what it watches
  refs    = [e \in Eps |-> IF Chain /\ e = 3 THEN 2 ELSE 0];    \* ep->refs: what watches it

macro leave() {
  if (Serial) { goto nested_unlock } else { goto Done };
}

fair process (task \in {"first", "second"})
variables at = 0; next = 0; depth = 1;
{
fd:                                     \* the system call finds its descriptors
  at := To[self];
  if (~Serial) { if (Check = "none") { goto mtx_lock } else { goto down_lock } };
nested_lock:
  await ~nested;
  nested := TRUE;
  if (Check = "none") { goto mtx_lock };
down_lock:                              \* ep_loop_check_proc
  await ~mtx[at];
  mtx[at] := TRUE;
  next    := watches[at];
down_unlock:
  mtx[at] := FALSE;
  if (next # 0) {
    at    := next;
    depth := depth + 1;
    if (next = From[self] \/ depth > Max) { leave() } else { goto down_lock } }
  else {
    at := From[self];
    if (Check = "down") { goto mtx_lock } };
up_first:                               \* ep_get_upwards_depth_proc: the first item in refs
  next := refs[at];
  if (next = 0) { goto mtx_lock };
up_ep:                                  \* and its epoll
  at    := next;
  depth := depth + 1;
  if (depth > Max) { leave() } else { goto up_first };
mtx_lock:                               \* ep_insert
  await ~mtx[From[self]];
  mtx[From[self]] := TRUE;
attach:
  refs[To[self]] := From[self];
insert:
  watches[From[self]] := To[self];
poll_lock:                              \* ep_item_poll of the new item
  await ~mtx[To[self]];
  mtx[To[self]] := TRUE;
  at := watches[To[self]];
  if (at = 0) { goto poll_unlock };
poll_next_lock:                         \* and of the item of that one
  await ~mtx[at];
  mtx[at] := TRUE;
poll_next_unlock:
  mtx[at] := FALSE;
poll_unlock:
  mtx[To[self]] := FALSE;
mtx_unlock:
  mtx[From[self]] := FALSE;
  leave();
nested_unlock:
  nested := FALSE;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Tasks == {"first", "second"}

RECURSIVE Below(_, _)
\* Levels below an epoll; as many as there are epolls if it watches itself.
Below(e, n) == IF n = 0 \/ watches[e] = 0 THEN 0 ELSE 1 + Below(watches[e], n - 1)

TypeOK ==
  /\ nested \in BOOLEAN /\ mtx \in [Eps -> BOOLEAN]
  /\ watches \in [Eps -> 0..4] /\ refs \in [Eps -> 0..4] /\ depth \in [Tasks -> 1..4]

\* No epoll watches itself, over however many others.
NoCycle == \A e \in Eps : Below(e, 4) < 4

\* No chain of epolls is longer than allowed.
BoundedDepth == \A e \in Eps : Below(e, 4) <= Max

\* What is in an epoll's tree is on its target's list.
ListsAgree == \A e \in Eps : watches[e] # 0 => refs[watches[e]] = e

NothingLeft == (\A t \in Tasks : pc[t] = "Done") => ~nested /\ mtx = [e \in Eps |-> FALSE]

\* Baits and witnesses: these must fail.
NeverAdded   == \A t \in Tasks : watches[From[t]] # To[t]
NeverRefused == ~\E t \in Tasks : pc[t] = "Done" /\ watches[From[t]] # To[t]

\* Liveness.
BothEnd == <>(\A t \in Tasks : pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ watches' \in {watches, [e \in Eps |-> 5 - e], [e \in Eps |-> 0]}
  /\ mtx' \in {mtx, [e \in Eps |-> TRUE]} /\ depth' \in {depth, [t \in Tasks |-> 99]}
  /\ UNCHANGED <<pc, nested, refs, at, next>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
