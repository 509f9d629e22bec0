---------------------------- MODULE EpollApi ----------------------------
(* What programs see of epoll: calls, and what they answer.

   An item is an open file under the number that it was added by, and what
   becomes of it is a Rule:

     "today"   it lives until the last descriptor of the open file is gone
     "number"  it also goes when its own number is closed: by close(), by
               dup2() onto it, by exit()
     "file"    every item of the file goes then, whatever its number:
               eventpoll_release() as it is, called at close()
     "table"   as "number", but only by the process that has added it

   and, to see that the properties would notice:

     "keyfile"   items are told apart by the file alone
     "keyfd"     by the number alone
     "keytable"  by the process that has added them as well
     "reader"    a signalfd is woken by the signals of whoever waits
     "noloop"    nothing is asked when one epoll is added to another
     "once"      a level is told once, as an edge is

   Two rules answer side by side. Where they first differ the program ends,
   and the way there is a shortest program that tells them apart.

   A call is atomic here: what happens inside one is Epoll.tla. A descriptor
   is closed and its file released in one step, as close() does it. What a
   poll of a nested epoll takes off the inner ready list is not modelled: the
   next write puts it there again.

   Code: impl/lifetimes/src/epoll_api/mod.rs, cast.rs, items.rs, laws.rs *)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Cast,   \* who is there with what, and may call what
  Rule,   \* the rule that the properties are about
  Other   \* the rule beside it, or "none"

Proposed == {"number", "file", "table"}
Mutants  == {"keyfile", "keyfd", "keytable", "reader", "noloop", "once"}

ASSUME /\ Rule \in {"today"} \cup Proposed \cup Mutants
       /\ Other \in {"none"} \cup Proposed

-----------------------------------------------------------------------------
(* The casts. `at` is where the epolls are, `on` what else is acted on,
   `not` who may not do what. *)

P1 == {"P1"}
P2 == {"P1", "P2"}

Chain == 3 .. 8

Stage ==
  CASE Cast = "dup" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "a" @@ 5 :> "-",
          calls |-> {"ctl_add", "ctl_del", "close", "dup", "epoll_wait"},
          at |-> {3}, on |-> {4, 5}, not |-> {}]
    [] Cast = "fork" ->
         [procs |-> P2, first |-> 3 :> "e" @@ 4 :> "a",
          calls |-> {"ctl_add", "ctl_del", "fork", "exit", "epoll_wait"},
          at |-> {3}, on |-> {4}, not |-> {<<"P1", "exit">>, <<"P2", "ctl_add">>}]
    [] Cast = "takeover" ->
         [procs |-> P2, first |-> 3 :> "e" @@ 4 :> "a",
          calls |-> {"ctl_add", "fork", "exit", "epoll_wait"},
          at |-> {3}, on |-> {4}, not |-> {<<"P2", "exit">>, <<"P2", "ctl_add">>}]
    [] Cast = "trick" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "a" @@ 5 :> "b" @@ 6 :> "a",
          calls |-> {"ctl_add", "dup2"},
          at |-> {3}, on |-> 4 .. 6, not |-> {}]
    [] Cast = "pile" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "a" @@ 5 :> "-" @@ 6 :> "-",
          calls |-> {"ctl_add", "close", "dup", "epoll_wait"},
          at |-> {3}, on |-> 4 .. 6, not |-> {}]
    [] Cast = "edge" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "a",
          calls |-> {"ctl_add", "ctl_add_et", "ctl_mod", "ctl_mod_et", "ctl_del",
                     "write", "read", "epoll_wait"},
          at |-> {3}, on |-> {4}, not |-> {}]
    [] Cast = "signalfd" ->
         [procs |-> P2, first |-> 3 :> "e" @@ 4 :> "s",
          calls |-> {"ctl_add", "fork", "kill", "read", "exit", "epoll_wait"},
          at |-> {3}, on |-> {4}, not |-> {}]
    [] Cast = "modified" ->
         [procs |-> P2, first |-> 3 :> "e" @@ 4 :> "s",
          calls |-> {"ctl_add", "ctl_mod", "fork", "kill", "read", "epoll_wait"},
          at |-> {3}, on |-> {4}, not |-> {}]
    [] Cast = "errors" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "a" @@ 5 :> "r" @@ 6 :> "-",
          calls |-> {"ctl_add", "ctl_mod", "ctl_del", "epoll_wait"},
          at |-> {3, 4, 6}, on |-> 3 .. 6, not |-> {}]
    [] Cast = "nested" ->
         [procs |-> P1, first |-> 3 :> "e" @@ 4 :> "d" @@ 5 :> "a" @@ 6 :> "e",
          calls |-> {"ctl_add", "ctl_del", "epoll_wait"},
          at |-> {3, 4}, on |-> 4 .. 6, not |-> {}]
    [] Cast = "chain" ->
         [procs |-> P1,
          first |-> 3 :> "e1" @@ 4 :> "e2" @@ 5 :> "e3" @@ 6 :> "e4" @@ 7 :> "e5" @@ 8 :> "e6",
          calls |-> {"ctl_add"}, at |-> Chain, on |-> Chain, not |-> {}]

Procs == Stage.procs
Nums  == DOMAIN Stage.first
Files == {Stage.first[n] : n \in Nums} \ {"-"}

Kind(f) == CASE f \in {"a", "b"} -> "event"
             [] f = "s"          -> "signal"
             [] f = "r"          -> "plain"
             [] OTHER            -> "epoll"

May(p, name) == name \in Stage.calls /\ <<p, name>> \notin Stage.not

\* In the chain each epoll may be added to the one before it, the first to the
\* last; the trick is done with one number.
Fits(n, m) ==
  CASE Cast = "chain" -> m = n + 1 \/ (n = 8 /\ m = 3)
    [] Cast = "trick" -> m = 4
    [] OTHER          -> TRUE

Pairs == {pair \in Stage.at \X Stage.on : Fits(pair[1], pair[2])}

-----------------------------------------------------------------------------
VARIABLES
  run,      \* of each process: "no" (not yet), "run", "gone"
  fds,      \* the descriptor tables: a file under each number, or "-"
  ready,    \* the eventfds whose counter is not zero
  pend,     \* the processes with a signal pending
  items,    \* the items by Rule: ep, file, fd; et; on the ready list; by whom
  others,   \* the items by Other
  call,     \* the last call, its answer, and Other's if it differs
  \* ghosts
  added,    \* what was added and not deleted, of files that are open
  signalled \* the processes that ever had a signal

vars == <<run, fds, ready, pend, items, others, call, added, signalled>>

Open(f, table) == \E p \in Procs, n \in Nums : table[p][n] = f

-----------------------------------------------------------------------------
(* Items *)

\* The item goes because p closes its number n, which is the file f.
Taken(rule, i, p, n, f) ==
  CASE rule = "file"   -> i.file = f
    [] rule = "number" -> i.file = f /\ i.fd = n
    [] rule = "table"  -> i.file = f /\ i.fd = n /\ i.by = p
    [] OTHER           -> FALSE

\* What is left of the items when the tables become `after` and these numbers are closed.
Left(rule, is, after, closed) ==
  {i \in is :
     /\ Open(i.file, after) /\ Open(i.ep, after)
     /\ \A c \in closed : ~Taken(rule, i, c[1], c[2], fds[c[1]][c[2]])}

\* Through which of its items an epoll finds this file under this number.
Find(rule, is, p, e, f, n) ==
  {i \in is :
     /\ i.ep = e
     /\ rule # "keyfd" => i.file = f
     /\ rule # "keyfile" => i.fd = n
     /\ rule = "keytable" => i.by = p}

\* What a poll by p answers. A signalfd asks for the signals of its caller.
RECURSIVE Ready(_, _, _)
Ready(is, f, p) ==
  CASE Kind(f) = "event"  -> f \in ready
    [] Kind(f) = "signal" -> p \in pend
    [] Kind(f) = "epoll"  -> \E i \in is : i.ep = f /\ i.on /\ Ready(is, i.file, p)
    [] OTHER              -> FALSE

\* These files and the epolls that watch them, directly or through others.
RECURSIVE Above(_, _)
Above(is, files) ==
  LET more == files \cup {i.ep : i \in {j \in is : j.file \in files}}
  IN  IF more = files THEN files ELSE Above(is, more)

\* The items of these files, and what is above them, go on the ready lists.
Wake(is, files) ==
  LET woken == Above(is, files)
  IN  {IF i.file \in woken THEN [i EXCEPT !.on = TRUE] ELSE i : i \in is}

\* A signal to p: the wait queue is that of whoever has added the item.
Signal(rule, is, p) ==
  LET heard == {i \in is : Kind(i.file) = "signal" /\ (i.by = p \/ rule = "reader")}
  IN  Wake((is \ heard) \cup {[i EXCEPT !.on = TRUE] : i \in heard}, {i.ep : i \in heard})

\* p's wait queue for signals goes with p, and says so to its items.
Deafen(is, p) ==
  LET deaf == {i \in is : Kind(i.file) = "signal" /\ i.by = p}
  IN  Wake((is \ deaf) \cup {[i EXCEPT !.on = TRUE, !.by = "-"] : i \in deaf},
           {i.ep : i \in deaf})

-----------------------------------------------------------------------------
(* Epolls in epolls *)

EP_MAX_NESTS == 4

Inner(is, e) == {i.file : i \in {j \in is : j.ep = e /\ Kind(j.file) = "epoll"}}
Outer(is, e) == {i.ep : i \in {j \in is : j.file = e}}
Max(S) == CHOOSE n \in S : \A m \in S : m <= n

RECURSIVE Down(_, _)
Down(is, e) == Max({0} \cup {1 + Down(is, f) : f \in Inner(is, e)})
RECURSIVE Up(_, _)
Up(is, e) == Max({0} \cup {1 + Up(is, f) : f \in Outer(is, e)})

Loops(rule, is, e, f) ==
  /\ Kind(f) = "epoll" /\ rule # "noloop"
  /\ f \in Above(is, {e}) \/ Down(is, f) + 1 + Up(is, e) > EP_MAX_NESTS

-----------------------------------------------------------------------------
(* Calls. Each is an operator of a rule and its items, and gives an answer
   and the items after it. *)

Is(what, got, is) == [is |-> what, got |-> got, items |-> is]

\* What is asked first: EBADF, EPERM, EINVAL.
Refused(e, f) ==
  CASE e = "-" \/ f = "-"           -> "EBADF"
    [] Kind(f) = "plain"            -> "EPERM"
    [] e = f \/ Kind(e) # "epoll"   -> "EINVAL"
    [] OTHER                        -> "ok"

\* The item is polled by p; if it is ready it goes on the list, and wakes what is above.
Polled(is, i, p) ==
  IF Ready(is, i.file, p) /\ ~i.on
  THEN Wake(is, {i.ep}) \cup {[i EXCEPT !.on = TRUE]}
  ELSE is \cup {i}

Adds(rule, is, p, n, m, et) ==
  LET e == fds[p][n]  f == fds[p][m]
      new == [ep |-> e, file |-> f, fd |-> m, et |-> et, on |-> FALSE, by |-> p]
  IN  CASE Refused(e, f) # "ok"                  -> Is(Refused(e, f), {}, is)
        [] Loops(rule, is, e, f)                 -> Is("ELOOP", {}, is)
        [] Find(rule, is, p, e, f, m) # {}       -> Is("EEXIST", {}, is)
        [] OTHER                                 -> Is("ok", {}, Polled(is, new, p))

Mods(rule, is, p, n, m, et) ==
  LET e == fds[p][n]  f == fds[p][m]  found == Find(rule, is, p, e, f, m)
  IN  CASE Refused(e, f) # "ok" -> Is(Refused(e, f), {}, is)
        [] found = {}           -> Is("ENOENT", {}, is)
        [] OTHER ->
             LET i == CHOOSE i \in found : TRUE
             IN  Is("ok", {}, Polled(is \ {i}, [i EXCEPT !.et = et], p))

Dels(rule, is, p, n, m) ==
  LET e == fds[p][n]  f == fds[p][m]  found == Find(rule, is, p, e, f, m)
  IN  CASE Refused(e, f) # "ok" -> Is(Refused(e, f), {}, is)
        [] found = {}           -> Is("ENOENT", {}, is)
        [] OTHER                -> Is("ok", {}, is \ found)

\* Every item on the list is polled; a level-triggered one that is ready stays there.
Waits(rule, is, p, n) ==
  LET e == fds[p][n]
      listed == {i \in is : i.ep = e /\ i.on}
      told == {i \in listed : Ready(is, i.file, p)}
      off == (listed \ told) \cup {i \in told : i.et \/ rule = "once"}
  IN  CASE e = "-"           -> Is("EBADF", {}, is)
        [] Kind(e) # "epoll" -> Is("EINVAL", {}, is)
        [] OTHER ->
             Is("ok", {<<i.file, i.fd>> : i \in told},
                (is \ off) \cup {[i EXCEPT !.on = FALSE] : i \in off})

Keys(is) == {<<i.ep, i.file, i.fd>> : i \in is}

\* The call is made: both rules answer, and the tables become `after`.
Call(p, name, args, after, closed, Effect(_, _)) ==
  LET one == Effect(Rule, items)  two == Effect(Other, others)
      left == Left(Rule, one.items, after, closed)
  IN  /\ run[p] = "run" /\ call.other = <<>>
      /\ fds' = after
      /\ items' = left
      /\ others' = IF Other = "none" THEN {} ELSE Left(Other, two.items, after, closed)
      /\ call' = [by |-> p, name |-> name, args |-> args, is |-> one.is, got |-> one.got,
                  other |-> IF Other = "none" \/ (one.is = two.is /\ one.got = two.got)
                            THEN <<>> ELSE <<two.is, two.got>>,
                  gone |-> Keys(items) \ Keys(left),
                  had |-> Len(args) = 2 /\ name \in {"ctl_add", "ctl_add_et"}
                          /\ <<fds[p][args[1]], fds[p][args[2]], args[2]>> \in added]

Still(set, after) == {k \in set : Open(k[1], after) /\ Open(k[2], after)}

\* A call that changes a table and nothing else.
Moves(p, name, args, after, closed, what, got) ==
  LET Effect(rule, is) == Is(what, got, is)
  IN  Call(p, name, args, after, closed, Effect) /\ added' = Still(added, after)

Set(p, n, f) == [fds EXCEPT ![p][n] = f]

Close(p) == May(p, "close") /\ \E n \in Stage.on :
  /\ Moves(p, "close", <<n>>, Set(p, n, "-"), {<<p, n>>},
           IF fds[p][n] = "-" THEN "EBADF" ELSE "ok", {})
  /\ UNCHANGED <<run, ready, pend, signalled>>

Dup(p) == May(p, "dup") /\ \E n \in Stage.on :
  LET free == {m \in Nums : fds[p][m] = "-"}
      low  == CHOOSE m \in free : \A k \in free : m <= k
  IN  /\ fds[p][n] # "-" /\ free # {}
      /\ Moves(p, "dup", <<n>>, Set(p, low, fds[p][n]), {}, "ok", {low})
      /\ UNCHANGED <<run, ready, pend, signalled>>

Dup2(p) == May(p, "dup2") /\ \E n, m \in Stage.on :
  /\ n # m /\ Fits(n, m) /\ fds[p][n] # "-"
  /\ Moves(p, "dup2", <<n, m>>, Set(p, m, fds[p][n]), {<<p, m>>}, "ok", {m})
  /\ UNCHANGED <<run, ready, pend, signalled>>

Fork(p) == May(p, "fork") /\ \E q \in Procs :
  /\ run[q] = "no"
  /\ Moves(p, "fork", <<>>, [fds EXCEPT ![q] = fds[p]], {}, "ok", {q})
  /\ run' = [run EXCEPT ![q] = "run"]
  /\ UNCHANGED <<ready, pend, signalled>>

\* And whoever is its parent waits for it.
Exit(p) == May(p, "exit") /\
  LET after == [fds EXCEPT ![p] = [n \in Nums |-> "-"]]
      Effect(rule, is) == Is("ok", {}, Deafen(is, p))
  IN  /\ Call(p, "exit", <<>>, after, {p} \X Nums, Effect)
      /\ added' = Still(added, after)
      /\ run' = [run EXCEPT ![p] = "gone"]
      /\ pend' = pend \ {p}
      /\ UNCHANGED <<ready, signalled>>

CtlAdd(p, name, et) == May(p, name) /\ \E pair \in Pairs :
  LET n == pair[1]  m == pair[2]
      Effect(rule, is) == Adds(rule, is, p, n, m, et)
  IN  /\ Call(p, name, pair, fds, {}, Effect)
      /\ added' = IF call'.is = "ok"
                  THEN added \cup {<<fds[p][n], fds[p][m], m>>} ELSE added
      /\ UNCHANGED <<run, ready, pend, signalled>>

CtlMod(p, name, et) == May(p, name) /\ \E pair \in Pairs :
  LET Effect(rule, is) == Mods(rule, is, p, pair[1], pair[2], et)
  IN  /\ Call(p, name, pair, fds, {}, Effect)
      /\ UNCHANGED <<run, ready, pend, added, signalled>>

CtlDel(p) == May(p, "ctl_del") /\ \E pair \in Pairs :
  LET n == pair[1]  m == pair[2]
      Effect(rule, is) == Dels(rule, is, p, n, m)
  IN  /\ Call(p, "ctl_del", pair, fds, {}, Effect)
      /\ added' = IF call'.is = "ok"
                  THEN added \ {<<fds[p][n], fds[p][m], m>>} ELSE added
      /\ UNCHANGED <<run, ready, pend, signalled>>

EpollWait(p) == May(p, "epoll_wait") /\ \E n \in Stage.at :
  LET Effect(rule, is) == Waits(rule, is, p, n)
  IN  /\ Call(p, "epoll_wait", <<n>>, fds, {}, Effect)
      /\ UNCHANGED <<run, ready, pend, added, signalled>>

Write(p) == May(p, "write") /\ \E n \in Stage.on :
  LET f == fds[p][n]
      Effect(rule, is) == IF f = "-" THEN Is("EBADF", {}, is) ELSE Is("ok", {}, Wake(is, {f}))
  IN  /\ Call(p, "write", <<n>>, fds, {}, Effect)
      /\ ready' = ready \cup ({f} \ {"-"})
      /\ UNCHANGED <<run, pend, added, signalled>>

Read(p) == May(p, "read") /\ \E n \in Stage.on :
  LET f == fds[p][n]
      Effect(rule, is) == Is(CASE f = "-" -> "EBADF"
                               [] Ready(is, f, p) -> "ok"
                               [] OTHER -> "EAGAIN", {}, is)
  IN  /\ Call(p, "read", <<n>>, fds, {}, Effect)
      /\ ready' = ready \ {f}
      /\ pend' = IF f # "-" /\ Kind(f) = "signal" THEN pend \ {p} ELSE pend
      /\ UNCHANGED <<run, added, signalled>>

\* To itself. One that is pending already is lost, and wakes nobody.
Kill(p) == May(p, "kill") /\
  LET Effect(rule, is) == Is("ok", {}, IF p \in pend THEN is ELSE Signal(rule, is, p))
  IN  /\ Call(p, "kill", <<>>, fds, {}, Effect)
      /\ pend' = pend \cup {p}
      /\ signalled' = signalled \cup {p}
      /\ UNCHANGED <<run, ready, added>>

-----------------------------------------------------------------------------
Init ==
  /\ run = [p \in Procs |-> IF p = "P1" THEN "run" ELSE "no"]
  /\ fds = [p \in Procs |-> IF p = "P1" THEN Stage.first ELSE [n \in Nums |-> "-"]]
  /\ ready = IF "write" \in Stage.calls THEN {} ELSE Files \cap {"a", "b"}
  /\ pend = {}
  /\ items = {} /\ others = {} /\ added = {} /\ signalled = {}
  /\ call = [by |-> "", name |-> "", args |-> <<>>, is |-> "", got |-> {},
             other |-> <<>>, gone |-> {}, had |-> FALSE]

Next ==
  \/ \E p \in Procs :
       \/ EpollWait(p) \/ Close(p)
       \/ CtlAdd(p, "ctl_add", FALSE) \/ CtlAdd(p, "ctl_add_et", TRUE)
       \/ CtlMod(p, "ctl_mod", FALSE) \/ CtlMod(p, "ctl_mod_et", TRUE)
       \/ CtlDel(p)
       \/ Dup(p) \/ Dup2(p) \/ Fork(p) \/ Exit(p)
       \/ Write(p) \/ Read(p) \/ Kill(p)

\* The program is over: all have gone, or the answers differ.
Terminating ==
  /\ call.other # <<>> \/ \A p \in Procs : run[p] # "run"
  /\ UNCHANGED vars

Spec == Init /\ [][Next \/ Terminating]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ run \in [Procs -> {"no", "run", "gone"}]
  /\ fds \in [Procs -> [Nums -> Files \cup {"-"}]]
  /\ ready \subseteq Files
  /\ pend \subseteq Procs
  /\ \A i \in items \cup others : i.ep \in Files /\ i.file \in Files /\ i.fd \in Nums

\* The two rules cannot be told apart. Every answer is looked at.
SameAnswers == call.other = <<>>

\* An item's file is open, and its epoll.
NoItemOfClosed == \A i \in items \cup others : Open(i.file, fds) /\ Open(i.ep, fds)

Waited == call.name = "epoll_wait" /\ call.is = "ok"
At     == fds[call.by][call.args[1]]
Arg    == <<At, fds[call.by][call.args[2]], call.args[2]>>

\* What was added and is ready is told, under the number that it was added by.
\* (Of level-triggered items.)
EventsOutliveClose ==
  Waited => \A k \in added :
    (k[1] = At /\ k[2] \in ready /\ \A i \in items : i.et = FALSE) => <<k[2], k[3]>> \in call.got

\* And nothing else is.
NoEventAfterDel ==
  Waited => \A event \in call.got : <<At, event[1], event[2]>> \in added

\* Each number that a file was added by is told of as long as the file is open, and no other.
\* (Where all is level-triggered and ready.)
KeptUntilLast ==
  LET of == {k \in added : k[1] = At}
  IN  (Waited /\ (\A k \in of : k[2] \in ready) /\ \A i \in items : ~i.et) =>
        Cardinality(call.got) = Cardinality(of)

\* After an exit what was added and is ready is told as before.
ExitKeeps == (\E p \in Procs : run[p] = "gone") => EventsOutliveClose

\* A level is told while it lasts, and not after.
LevelTold ==
  Waited => \A i \in items :
    (i.ep = At /\ ~i.et /\ Kind(i.file) = "event") =>
      (<<i.file, i.fd>> \in call.got) = (i.file \in ready)

\* An edge is told once: after an epoll_wait nothing edge-triggered is on the list.
EdgeOnce == Waited => \A i \in items : (i.ep = At /\ i.et) => ~i.on

\* A DEL removes under a number only what that number is.
DelNeedsNumber ==
  call.name = "ctl_del" => \A k \in call.gone : fds[call.by][k[3]] = k[2]

\* What epoll_ctl refuses neither adds an item nor removes one.
RefusedKeeps ==
  (call.name \in {"ctl_add", "ctl_add_et", "ctl_mod", "ctl_mod_et", "ctl_del"} /\ call.is # "ok")
    => Keys(items) = added

\* Whoever calls it, a DEL finds what was added, and removes it for all.
DelIsShared ==
  call.name = "ctl_del" =>
    /\ call.is = "ok" => Arg \notin Keys(items)
    /\ call.is = "ENOENT" => Arg \notin added

\* With the parent gone, the child gets what the parent has added.
TakeoverWorks ==
  (Waited /\ call.by = "P2" /\ run["P1"] = "gone") =>
    \A k \in added : (k[1] = At /\ k[2] \in ready) => <<k[2], k[3]>> \in call.got

\* EEXIST is answered exactly if the file was added under this number.
EexistMeansSame ==
  (call.name = "ctl_add" /\ call.is \in {"ok", "EEXIST"}) => (call.is = "EEXIST") = call.had

Signals == {i \in items : Waited /\ i.ep = At /\ <<i.file, i.fd>> \in call.got
                          /\ Kind(i.file) = "signal"}

\* A signalfd is told of only if its adder has had a signal, or is gone.
SignalfdWokenByAdder == \A i \in Signals : i.by \in signalled \cup {"-"}

RECURSIVE Deepest(_, _, _)
Deepest(is, e, seen) ==
  IF e \in seen THEN 100 ELSE Max({0} \cup {1 + Deepest(is, f, seen \cup {e}) : f \in Inner(is, e)})

\* No epoll watches itself, through however many others.
Acyclic == \A e \in Files : Deepest(items, e, {}) < 100

\* And at most EP_MAX_NESTS are below another.
DepthBounded == \A e \in Files : Deepest(items, e, {}) <= EP_MAX_NESTS

-----------------------------------------------------------------------------
(* What must be possible. *)

\* An item that no number reaches any more: neither its own, nor one that its file still has.
Stranded == {i \in items : \A p \in Procs : fds[p][i.fd] # i.file}
NeverClosedDel ==
  ~(call.name = "ctl_del" /\ call.is = "EBADF" /\ \E i \in Stranded : i.fd = call.args[2])
NeverStranded ==
  ~(call.name = "ctl_del" /\ call.is = "ENOENT"
    /\ \E i \in Stranded : i.file = fds[call.by][call.args[2]])

\* Three items of one file that has one number left, and all are told.
NeverPiledUp ==
  ~(Waited /\ Cardinality({n \in Nums : fds["P1"][n] = "a"}) = 1
    /\ Cardinality(call.got) = 3)

\* The child removes what the parent has added.
NeverChildDel ==
  ~(call.name = "ctl_del" /\ call.by = "P2" /\ call.is = "ok" /\ run["P1"] = "run")

\* The child goes on with the parent's loop.
NeverTakenOver == ~(Waited /\ call.by = "P2" /\ run["P1"] = "gone" /\ call.got # {})

\* The adder waits, a signal is pending, and nothing is told: another's wait took it off the list.
NeverStolen ==
  ~(Waited /\ call.got = {} /\ call.by \in pend
    /\ \E i \in items : Kind(i.file) = "signal" /\ i.by = call.by)

\* Whoever waits is told of its own signal, while the signalfd's adder has none, or is gone.
NeverOwnSignal == \A i \in Signals : i.by \in pend \cup {"-"}
NeverOrphan    == \A i \in Signals : i.by # "-"

\* The errors of nesting, and an event through an epoll.
NeverSelf    == ~(call.name = "ctl_add" /\ call.is = "EINVAL" /\ call.args[1] # call.args[2])
NeverLoop    == call.is # "ELOOP"
NeverThrough == ~(Waited /\ \E event \in call.got : Kind(event[1]) = "epoll")

\* Bait: this must fail.
NeverTold == ~(Waited /\ call.got # {})

\* Somebody scribbles over the state: an invariant that no rule breaks must notice, else it says nothing.
Stray == [ep |-> "e", file |-> "a", fd |-> 4, et |-> TRUE, on |-> TRUE, by |-> "P1"]
Scribble ==
  /\ items' \in {items, {Stray}} /\ added' = {}
  /\ ready' \in {ready, {"nothing"}}
  /\ fds' \in {fds, [p \in Procs |-> [n \in Nums |-> "-"]]}
  /\ UNCHANGED <<run, pend, others, call, signalled>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
