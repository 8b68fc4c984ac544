package Mail::Wire::Pool;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(carp croak);
use Mail::Wire ();
use Mail::Wire::Delivery ();
use Mail::Wire::Pool::Job ();
use Mail::Wire::Pool::Links ();
use Mail::Wire::Pool::Options ();
use Mail::Wire::Result ();
use Mail::Wire::Source ();
use Mail::Wire::Standard ();
use POSIX ();

our @ISA = ('Mail::Wire::Pool::Links');

# Messages over several links. A message is at one place at a time:
#
#   ready    a list: it can be sent now, or as soon as a link has room
#   delayed  a list in the order of DUE: it is sent again later
#   links    a list: one of the links has it
#   done     a list of deliveries: it has its results, and can be collected;
#   held     with InOrder a hash by id, where it waits for those before it
#
# `openings` are links in the making, `handing` is the link that a message is being handed to: what died then has left that unfinished.

# So many messages are put behind each other before links that were full are looked at again.
use constant LOOK => 32;

sub new {
    my ($class, $urls, @options) = @_;
    croak 'usage: Mail::Wire::Pool->new(URL or a reference to a list of URLs [, NAME => VALUE ...])' if not defined $urls or @options % 2;
    my $set = Mail::Wire::Pool::Options::taken($urls, @options);
    return bless {
        set => $set, links => [], openings => [], ready => [], delayed => [], done => [], held => {}, next => 1, id => 0, count => 0, timed => 0,
        settled => 0, down => [], failures => 0, opens_at => 0, tokens => 1, filled_at => Mail::Wire::_now(), spree => 0,
        pid => $$, thread => Mail::Wire::Standard::thread(),
        stats => { map { $_ => 0 } qw(sent retried in_doubt links_opened links_lost) },
    }, $class;
}

# ---------------------------------------------------------------- the methods

sub submit {
    my ($self, @args) = @_;
    local $self->{busy} = $self->_enter('submit');

    # Room first: content that can be read once is the caller's as long as its message is not taken.
    my $waited = $self->_make_room;
    return if not defined $waited;
    my $job = Mail::Wire::Pool::Job->new(\@args);
    _check($self->{set}{has_encoding}, @args);
    $job->[Mail::Wire::Pool::Job::ENDS] -= $waited if defined $job->[Mail::Wire::Pool::Job::ENDS];
    $self->{timed}++ if defined $job->[Mail::Wire::Pool::Job::ENDS];

    # In one statement, so that no handler dies in between.
    push @{ $self->{ready} }, ($job->[Mail::Wire::Pool::Job::ID] = ++$self->{id}, $self->{count}++, $job)[2];
    $self->_go_on;
    return $job->[Mail::Wire::Pool::Job::ID];
}

# How many seconds that took; undef when it would have to be waited for.
sub _make_room {
    my ($self) = @_;
    my $set = $self->{set};
    return 0 if $self->backlog < $set->{Backlog};
    my $began = Mail::Wire::_now();
    while ($self->backlog >= $set->{Backlog}) {
        $self->_turn($set->{nonblocking} ? 0 : -1);
        return if $set->{nonblocking} and $self->backlog >= $set->{Backlog};
    }
    return Mail::Wire::_now() - $began;
}

# A message is ready: what can be done for it at little cost.
sub _go_on {
    my ($self) = @_;
    my $ready = @{ $self->{ready} };
    $self->_hand_out if $ready == 1;
    if (@{ $self->{openings} } or @{ $self->{links} } < $self->{set}{Links}) { $self->_turn(0) if $self->_wants_link or @{ $self->{openings} } }
    elsif (@{ $self->{ready} } and ++$self->{looks} >= LOOK) { $self->_turn(0) }
    return;
}

sub collect {
    my ($self) = @_;
    local $self->{busy} = $self->_enter('collect');
    my $nonblocking = $self->{set}{nonblocking};
    $self->_turn(0) if $nonblocking and not @{ $self->{done} };
    $self->_turn(-1) while not @{ $self->{done} } and $self->{count} and not $nonblocking;
    my $done = $self->{done};
    return if not @$done;
    return (--$self->{count}, shift @$done)[1];    # in one statement, as in submit
}

sub finish {
    my ($self) = @_;
    local $self->{busy} = $self->_enter('finish');
    while ($self->unanswered) {
        croak 'finish would have to wait: this pool was made with Blocking => 0' if $self->{set}{nonblocking};
        $self->_turn(-1);
    }
    return 1;
}

sub close {
    my ($self) = @_;
    local $self->{busy} = $self->_enter('close');
    local $self->{is_closing} = 1;
    $self->{openings} = [];
    foreach my $link (@{ $self->{links} }) {
        $link->part;
        $self->_reap($link);
    }
    @{$self}{qw(links spree halted)} = ([], 0);
    _unbroken(sub { $self->_give_up($_, 'the pool was closed') foreach splice(@{ $self->{ready} }), splice @{ $self->{delayed} } });
    return 1;
}

# For handlers, which come in the midst of other calls: what there is to do is done by the next turn.
sub halt {
    my ($self, $why) = @_;
    $self->{halted} = defined $why ? "$why" : 'the pool was halted';
    return 1;
}

sub in_flight { return $_[0]{count} }

# Not yet on a link.
sub backlog { return @{ $_[0]{ready} } + @{ $_[0]{delayed} } }

sub unanswered { return $_[0]{count} - @{ $_[0]{done} } - keys %{ $_[0]{held} } }

sub stats { return { %{ $_[0]{stats} }, links => scalar @{ $_[0]{links} } } }

# ---------------------------------------------------------------- event loops

sub advance {
    my ($self) = @_;
    local $self->{busy} = $self->_enter('advance');
    $self->_turn(0);
    return $self->unanswered;
}

sub fds {
    my ($self) = @_;
    my @places = $self->_places;
    my @fds;
    while (my ($fd, $events) = splice @places, 0, 2) { push @fds, [ $fd, $events & 1, $events & 2 ? 1 : 0 ] }
    return @fds;
}

sub timeout_in {
    my ($self) = @_;
    return 0 if @{ $self->{done} };    # of these nothing more comes
    return 0 if defined $self->{halted} and $self->backlog;
    my $seconds = $self->_soonest;
    return $seconds < 0 ? undef : $seconds;
}

# ---------------------------------------------------------------- calls

# What a call that died has left is put in order.
sub _enter {
    my ($self, $method) = @_;
    croak 'This ', ref $self, ' object belongs to another thread' if $self->{thread} != Mail::Wire::Standard::thread();
    croak "$method: called from code that another call on the same pool runs" if $self->{busy};
    if (my $link = $self->{handing}) { $self->_take_back($link) }
    return 1;
}

# The last message of a link, if it was not handed over.
sub _take_back {
    my ($self, $link) = @_;
    my ($ready, $jobs) = ($self->{ready}, $link->{jobs});
    if (@$ready and @$jobs and $ready->[0] == $jobs->[-1]) { pop @$jobs }
    elsif ($link->is_ahead) { unshift @$ready, pop @$jobs }
    $self->{handing} = undef;
    return;
}

# ---------------------------------------------------------------- one step

# Does what can be done now; if that is nothing, waits at most so many seconds (negative: as long as it takes) and a slice.
sub _turn {
    my ($self, $seconds) = @_;
    $self->{looks} = 0;
    my $before = $self->{settled};
    $self->_wake;
    $self->_halt if defined $self->{halted};
    $self->_open;
    $self->_hand_out;
    $self->_reap($_) foreach grep { $_->{is_touched} } @{ $self->{links} };
    my ($soonest, @places) = ($self->_soonest, $self->_places);
    my $is_limit = $soonest >= 0 && ($seconds < 0 || $soonest <= $seconds);
    $seconds = $soonest if $is_limit;
    $seconds = 0 if $self->{settled} != $before;
    my %is_ready = map { $_ => 1 } _wait($seconds, @places);
    my @links = @{ $self->{links} };
    $self->_reap($_) foreach map { $links[$_] } grep { $is_ready{$_} or $is_limit and $links[$_]->is_due } 0 .. $#links;
    $self->_drop_links;
    return;
}

# Descriptors and events: those of links, in their order, and of openings.
sub _places {
    my ($self) = @_;
    return (
        (map { my $fd = $_->fileno; (defined $fd ? $fd : -1, $_->events) } @{ $self->{links} }),
        (map { ($_->fileno, $_->wants_write ? 2 : 1) } @{ $self->{openings} }),
    );
}

# Seconds until something is to be done though nothing has come; negative: no limit.
sub _soonest {
    my ($self) = @_;
    my ($now, @moments) = (Mail::Wire::_now());
    push @moments, $self->{delayed}[0][Mail::Wire::Pool::Job::DUE] if @{ $self->{delayed} };
    push @moments, grep {defined} map { $_->[Mail::Wire::Pool::Job::ENDS] } @{ $self->{ready} }, @{ $self->{delayed} } if $self->{timed};
    push @moments, $self->{opens_at} if $self->_wants_link;
    push @moments, $now + (1 - $self->{tokens}) / $self->{set}{Rate} if $self->{set}{Rate} and @{ $self->{ready} };
    my ($least) = sort { $a <=> $b } (map { $_ > $now ? $_ - $now : 0 } @moments),
        grep { defined and $_ >= 0 } map { $_->timeout_in } @{ $self->{links} }, @{ $self->{openings} };
    return defined $least ? $least : -1;
}

# Messages whose time has come, to be sent again or to be given up.
sub _wake {
    my ($self) = @_;
    my ($delayed, $now) = ($self->{delayed}, Mail::Wire::_now());
    my $due = 0;
    $due++ while $due < @$delayed and $delayed->[$due][Mail::Wire::Pool::Job::DUE] <= $now;
    unshift @{ $self->{ready} }, splice @$delayed, 0, $due if $due;
    return if not $self->{timed};
    _unbroken(sub { $self->_give_up_late($_) foreach $self->{ready}, $delayed });
    return;
}

sub _give_up_late {
    my ($self, $list) = @_;
    my %is_late = map { $_ => 1 } grep { $_->is_late } @$list;
    my @late = grep { $is_late{$_} } @$list or return;
    @$list = grep { not $is_late{$_} } @$list;
    $self->_give_up($_, "the delivery's deadline has passed") foreach @late;
    return;
}

# What no link has ends here: with its last results, if there are some.
sub _halt {
    my ($self) = @_;
    $self->{openings} = [];
    return if not $self->backlog;
    _unbroken(sub {
        foreach my $job (splice(@{ $self->{ready} }), splice @{ $self->{delayed} }) {
            $job->[Mail::Wire::Pool::Job::RESULTS] ? $self->_finish($job) : $self->_give_up($job, $self->{halted});
        }
    });
    $self->{settled}++;
    return;
}

# ---------------------------------------------------------------- handing out

sub _hand_out {
    my ($self) = @_;
    my $ready = $self->{ready};
    while (@$ready and $self->_may_send) {
        if (defined $ready->[0][Mail::Wire::Pool::Job::FAULT]) {
            $self->_fail_first($ready->[0], $ready->[0][Mail::Wire::Pool::Job::FAULT]);
            next;
        }
        my $link = $self->{spree}-- > 0 && !$self->{current}{is_full} && !$self->{current}->is_used_up ? $self->{current} : $self->_choose;
        last if not $link;
        $self->_hand_over($link);
    }
    return;
}

sub _hand_over {
    my ($self, $link) = @_;
    my ($ready, $jobs) = ($self->{ready}, $link->{jobs});
    my $job = $ready->[0];
    $self->{handing} = $link;
    push @$jobs, $job;
    shift @$ready;
    my $took = $link->take(\my $why);
    if ($took <= 0) {
        $self->_take_back($link);
        $self->_fail_first($job, $why) if $took < 0;
        return;
    }
    $self->{handing} = undef;
    $link->{is_touched} = 1;
    $self->{tokens}--;
    $self->{stats}{sent}++;
    $self->{stats}{retried}++ if $job->[Mail::Wire::Pool::Job::RESULTS];
    return;
}

# The first that is ready cannot be sent: its content cannot be read, or there is a mistake in it.
sub _fail_first {
    my ($self, $job, $why) = @_;
    my $is_mistake = !defined $job->[Mail::Wire::Pool::Job::FAULT] && $why !~ /\Acannot read /;
    _unbroken(sub {
        shift @{ $self->{ready} };
        $job->fail($is_mistake ? (501, 'mail', $why) : ($self->{set}{lost_code}, 'body', $why));
        $self->_finish($job);
    });
    return;
}

# Rate: a message costs a token, of which there is one for each part of a second, and what was not used in a tenth of one.
sub _may_send {
    my ($self) = @_;
    return 0 if defined $self->{halted};
    my $rate = $self->{set}{Rate} or return 1;
    my $now = Mail::Wire::_now();
    my $most = $rate > 10 ? $rate / 10 : 1;
    $self->{tokens} += ($now - $self->{filled_at}) * $rate;
    $self->{tokens} = $most if $self->{tokens} > $most;
    $self->{filled_at} = $now;
    return $self->{tokens} >= 1;
}

# ---------------------------------------------------------------- results

my $every_signal = POSIX::SigSet->new;
$every_signal->fillset;

# Runs code that a handler must not die in the middle of, as a message or its results would be nowhere then: signals wait meanwhile.
sub _unbroken {
    my ($code) = @_;
    my $mask = POSIX::SigSet->new;
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new, $mask);
    my ($ok, $error) = Mail::Wire::Client::_try(sub {
        POSIX::sigprocmask(POSIX::SIG_BLOCK(), $every_signal);
        $code->();
    });
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $mask);
    die $error if not $ok;
    return;
}

# Takes what a link has finished, and has it send what it holds back.
sub _reap {
    my ($self, $link) = @_;
    _unbroken(sub {
        $link->{is_touched} = 1;    # what is collected and not settled, as Backoff has died, nothing comes for any more
        $self->_settle($link) while @{ $link->{jobs} } and $link->next_taken;
        $link->{is_touched} = 0;
    });
    return;
}

sub _settle {
    my ($self, $link) = @_;
    my ($delivery, $job) = ($link->{taken}, $link->{jobs}[0]);
    $link->{is_full} = 0;
    $self->{settled}++;
    if ($delivery->is_success and not $job->[Mail::Wire::Pool::Job::RESULTS]) {
        $job->[Mail::Wire::Pool::Job::TRIES]++;
        $link->note_answer;
        $self->_done($job, $delivery);
    }
    else {
        $self->_settle_closely($link, $job, scalar $delivery->results);
    }
    shift @{ $link->{jobs} };
    $link->{taken} = undef;
    return;
}

sub _settle_closely {
    my ($self, $link, $job, $results) = @_;
    my $set = $self->{set};
    my $is_lost = $link->is_lost && grep { _is_ours($_) } @$results;
    my $costs = !$is_lost || $link->costs($results) || grep { $_->maybe_delivered } @$results;
    my $tries = $job->[Mail::Wire::Pool::Job::TRIES] + ($costs ? 1 : 0);
    my $may = $tries <= $set->{Retries} && !$job->is_late && !$self->{is_closing};
    my $again = sub { $may && $_[0]->is_deferral && ($set->{resends} || !$_[0]->maybe_delivered) };

    # Code of the caller's, which may die: before anything is changed, as these results are settled once more then.
    my $seconds = $costs && grep({ $again->($_) } @$results) ? $set->{backoff}->($tries) : 0;
    $is_lost ? $link->{has_lost} = 1 : $link->note_answer;
    $job->[Mail::Wire::Pool::Job::TRIES] = $tries;
    return $self->_finish($job) if $job->answered($results, $again);
    $costs ? $self->_delay($job, $seconds) : $self->_put_back($job);
    return;
}

# What is said of a link that was lost, in place of an answer.
sub _is_ours {
    my ($result) = @_;
    return $result->code == 421 || $result->code == 450 && ($result->stage ne 'final' || $result->maybe_delivered);
}

# By when it is due; those that are due first in front.
sub _delay {
    my ($self, $job, $seconds) = @_;
    my $delayed = $self->{delayed};
    my $due = $job->[Mail::Wire::Pool::Job::DUE] = Mail::Wire::_now() + $seconds;
    my $at = @$delayed;
    $at-- while $at and $delayed->[ $at - 1 ][Mail::Wire::Pool::Job::DUE] > $due;
    splice @$delayed, $at, 0, $job;
    return;
}

# In front, behind those that were put there before with a smaller id.
sub _put_back {
    my ($self, $job) = @_;
    my ($ready, $at) = ($self->{ready}, 0);
    $at++ while $at < @$ready and $ready->[$at][Mail::Wire::Pool::Job::ID] < $job->[Mail::Wire::Pool::Job::ID];
    splice @$ready, $at, 0, $job;
    return;
}

sub _give_up {
    my ($self, $job, $why) = @_;
    $job->fail($self->{set}{lost_code}, 'connect', $why);
    return $self->_finish($job);
}

sub _finish {
    my ($self, $job) = @_;
    return $self->_done($job, Mail::Wire::Delivery->new(0, $job->[Mail::Wire::Pool::Job::RESULTS]));
}

sub _done {
    my ($self, $job, $delivery) = @_;
    my ($id, $tag, $tries) = @$job;
    @{$$delivery}[ Mail::Wire::Delivery::ID, Mail::Wire::Delivery::TAG, Mail::Wire::Delivery::ATTEMPTS ] = ($id, $tag, $tries || 1);
    $self->{timed}-- if defined $job->[Mail::Wire::Pool::Job::ENDS];
    $self->{stats}{in_doubt} += grep { $_->maybe_delivered } @{ scalar $delivery->results } if $job->[Mail::Wire::Pool::Job::RESULTS];
    my ($done, $held) = @{$self}{qw(done held)};
    if (not $self->{set}{in_order}) {
        push @$done, $delivery;
        return;
    }
    $held->{$id} = $delivery;
    while (my $next = delete $held->{ $self->{next} }) {
        push @$done, $next;
        $self->{next}++;
    }
    return;
}

# ---------------------------------------------------------------- the end

sub DESTROY {
    my ($self) = @_;
    return if $self->{pid} != $$ or $self->{thread} != Mail::Wire::Standard::thread() or ${^GLOBAL_PHASE} && ${^GLOBAL_PHASE} eq 'DESTRUCT';
    local ($@, $!, $?);
    my $count = $self->unanswered;
    eval { $self->close };
    return if not $count;
    my $what = $count == 1 ? '1 submitted message was' : "$count submitted messages were";
    warn ref($self) . ": $what unanswered when the pool went: call collect or finish before\n";
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Pool - messages over several links, with retries

=head1 SYNOPSIS

    use Mail::Wire::Pool;

    my $pool = Mail::Wire::Pool->new('lmtp://mail.example.org:24', Links => 4);

    foreach my $number (1 .. 1000) {
        $pool->submit(
            From => 'sender@example.org',
            To   => [ 'ann@example.org', 'ben@example.org' ],
            Data => "Subject: $number\n\nHello.\n",
            Tag  => $number,
        );
    }
    while (my $delivery = $pool->collect) {
        next if $delivery->is_success;
        print $delivery->tag, ': ', $_->as_string, "\n" foreach $delivery->results;
    }
    $pool->close;

=head1 DESCRIPTION

A pool hands messages to an LMTP or QMTP server over several connections at once: its I<links>. They are opened when there is work and opened
again when they are lost. What the server defers is sent again later; what a lost link leaves is sent again if it surely was not delivered. In
the end each recipient of each message has exactly one L<Mail::Wire::Result>, whatever happens, and nothing is sent again to a recipient for
whom the server has answered with a success or a refusal.

There are neither threads nor processes in it: links are Net::LMTP and Net::QMTP objects that never wait, and one wait is for all of them.

=head1 CONSTRUCTOR

=head2 new(URL [, OPTIONS]), new(\@URLS [, OPTIONS])

    my $pool = Mail::Wire::Pool->new([ 'lmtp://mx1.example.org:24', 'lmtp://mx2.example.org:24' ], Retries => 5);

URLs are those of L<Mail::Wire/connect>. Of several the first one is used for each link; the next one only when that doesn't answer, which
is remembered for half a minute. Nothing is connected before there is a message.

OPTIONS are pairs of a name and a value. Croaks for a name that is none of these, for a value or a URL that can't be used:

=over

=item Links => 4

How many links there may be at once, 1 to 255. As many are opened as there are messages that would have to wait for another one.

=item Backlog => 1000

How many messages may wait that are not on a link. C<submit> waits while there are as many.

=item Retries => 3

How often a message is sent again to those recipients who were deferred and surely did not get it: because the server said so (4xx), or because a
link was lost or a time ran out before the message's last byte could have left. 0: never.

What was lost with a link that had served others does not count as an attempt, but for the first message that was not answered, if more than its
sender had been sent; nor does what was lost on a link that was not used for a while. A message
that waits for a link counts each time that no URL answers and there is no link.

=item Backoff => SECONDS | \@SECONDS | CODE

How long a message waits before it is sent again: behind the first attempt the first of the list, and so on, the last one for all that
follow. 1, 5 and 30 by default. CODE is given the number of the attempt, from 1, and returns seconds. The same times are between attempts to
open a link when no URL answers.

=item InDoubt => 'report' | 'resend'

What is done about a recipient whose message may have been delivered or not (L<Mail::Wire::Result/maybe_delivered>), as when a link is lost
between a message's end and its answer. C<report>, the default: that is the recipient's result, and nothing is sent again. C<resend>: it is sent
again as a deferral is, and the recipient may get two copies.

=item MaxPerLink => 0

A link that has got so many messages is closed when they are answered, and another one opened. 0: no limit. What a server says by LIMITS
MAILMAX (RFC 9422) is heeded in any case.

=item Rate => 0

How many messages a second are sent at the most, over all links, attempts again included. 0: no limit.

=item InOrder => 0

True: C<collect> returns deliveries in the order of C<submit>. By default they come as they are finished.

=item Blocking => 1

False: nothing waits, for programs with an event loop, see L</EVENT LOOPS>.

=item Others

Every option of C<new> of L<Net::LMTP> and L<Net::QMTP>, as the URLs are, but for those that say where to connect (Host, Port, PeerAddr,
PeerPort, Socket, LocalPort), SSL, which is said by the URL, and DeferConnect. Of URLs of both kinds each link gets the options that its class
has. C<Window> and C<WindowBytes> are for each link. Passwords and tokens are kept, as links are opened again; a dump of the object doesn't show
them.

=back

=head1 METHODS

=head2 submit

    $id = $pool->submit(From => $sender, To => \@recipients, Data => $content, Tag => $anything, ...);

Takes a message. The arguments are those of L<Net::LMTP/deliver> or L<Net::QMTP/deliver>, and

=over

=item Tag => SCALAR

Whatever the caller wants to find again in the delivery.

=back

Returns the message's number, which counts from 1 over all links. Waits only while the backlog is full; with C<< Blocking => 0 >> it returns
undef instead, and the message is not taken, nor its content read. It sends what can be sent without a wait, but may hold back some to send it
in large pieces: C<collect>, C<finish> and C<advance> send them.

A message must be there for as long as it may be sent again. Strings are kept; files (File, Range) are not, and are read when they are sent:
leave them as they are until then. Content of code, of a handle, an object, a list or a pipe is read at once, to its end, which waits for it: up to
1 MB is kept in memory, more in a temporary file; a plain file without layers of more than 64 KB is read later, by a descriptor of its own.
What cannot be read is deferrals of stage C<body>, and is not tried again.

C<Deadline> is for all attempts together, and the waits between them.

Croaks when the arguments can't be used. Values of an option that can only be judged by what a server offers are judged when the message is
handed to a link: then they are a failure of everybody, code 501, stage C<mail>, in place of what C<submit> of Net::LMTP croaks.

=head2 collect

    while (my $delivery = $pool->collect) { ... }

Waits for the next message that has its results, and returns it as a L<Mail::Wire::Delivery>, with C<id>, C<results>, C<tag> and C<attempts>: how
often the message was tried. undef when none is left; with C<< Blocking => 0 >> also when none is finished.

Each recipient's result is what was said at the last attempt that was made for it.

=head2 finish

Waits until everything that was submitted has its results, which stay collectable. True. With C<< Blocking => 0 >> it croaks if it would have to
wait.

=head2 close

Closes all links. Who has no result by then gets a deferral, which can be collected. A later C<submit> opens links again.

=head2 halt, halt(WHY)

    local $SIG{INT} = sub { $pool->halt('interrupted') };

Nothing more is begun, and nothing is waited for but the answers to what is on a link. Every other message has its results at once: those of its
last attempt, or, where there was none, deferrals of stage C<connect> that say WHY. So has what is deferred from now on, and
what is submitted. It lasts until C<close>. This is the only method that may be called by a handler while another one runs; that one then goes on.

=head2 in_flight, backlog, unanswered

How many messages were submitted and not collected; how many of them are not on a link, be it that none has room, or that they are to be sent
again later; how many have no results yet.

=head2 stats

A reference to a hash: C<sent>, how many messages were handed to links, and C<retried>, how many of these not for the first time; C<in_doubt>, how
many results are C<maybe_delivered>; C<links_opened>, C<links_lost>, how many links were opened and lost so far, and C<links>, how many there are.

=head1 EVENT LOOPS

With C<< Blocking => 0 >> neither C<submit> nor C<collect> wait. (Names are looked up by the system's resolver, which may: give an address where
that matters.) These say what to wait for:

    sub drive {
        $pool->advance;
        while (my $delivery = $pool->collect) { ... }
        while ($more and defined $pool->submit(...)) { ... }
        # now watch what fds says, and call this again when there is something, or timeout_in has passed
    }

Ask anew after each call: links come and go.

=head2 advance

Does what can be done now. Returns how many messages have no results yet.

=head2 fds

A list of references to lists: a descriptor, whether to wait until it can be read, and whether until it can be written.

=head2 timeout_in

Seconds until C<advance> must be called though nothing has come; undef when there is no such time. 0 while C<collect> has something to give:
its server says nothing more, so there would be nothing to wait for.

=head1 SIGNALS AND PROCESSES

A signal handler that dies ends any wait, and comes out of the method. No message is lost by that and none is sent twice: call
C<collect> or C<finish> again.
When it came out of C<submit> the message may have been taken: then C<in_flight> is one more. Handlers, Data and Progress cannot call methods of
the pool that they interrupt, but for C<halt>.

Behind a C<fork> the pool is the parent's: don't use it in the child. A pool that goes takes what is unanswered with it, and warns of that. A pool
belongs to the thread that made it: in another one its copy's methods croak.

=head1 SEE ALSO

L<Mail::Wire>, L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire::Delivery>, L<Mail::Wire::Result>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
