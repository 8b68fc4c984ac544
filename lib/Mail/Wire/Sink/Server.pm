package Mail::Wire::Sink::Server;

# The process of a sink: accepts, reads and writes any number of links, and
# answers the object that started it.  All system calls on links are here.

use strict;
use warnings;
use re 'taint';

use Errno qw(EAGAIN EWOULDBLOCK EINTR);
use IO::Select ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes ();

use Mail::Wire::Sink::LMTP ();
use Mail::Wire::Sink::QMTP ();
use Mail::Wire::Standard ();

our $VERSION = '1.000';

use constant BLOCK => 262_144;

# Octets that may wait to be written before a link's input is left unread, so
# that a client that never reads can't fill our memory.
use constant MAX_WAITING => 1_048_576;

# Seconds that a closed link's client has to close its side.
use constant LINGER => 5;

# Seconds after which a sink looks whether its parent is still there, for the
# case that a forked copy of it holds the control link open.
use constant PATIENCE => 1;

# Failures of rules that are kept until somebody asks.
use constant MAX_ERRORS => 20;

# What a message takes beside its text, in octets, roughly.
use constant OVERHEAD => 1000;

my %SESSION = (lmtp => 'Mail::Wire::Sink::LMTP', qmtp => 'Mail::Wire::Sink::QMTP');

# listener, control (a Mail::Wire::Sink::Control), script, protocol, parent
# (pid), tls (a Mail::Wire::Sink::TLS, if there is TLS)
sub new {
    my ($class, %arg) = @_;
    my $self = bless {
        %arg, peers => {}, timed => {}, count => 0, messages => [], commands => [], errors => [], held => 0,
        readers => IO::Select->new, writers => IO::Select->new, control_only => IO::Select->new($arg{control}->socket),
    }, $class;
    for my $socket ($arg{listener}, $arg{control}->socket) {
        $socket->blocking(0);
        $self->{readers}->add($socket);
    }
    my $errors = $self->{errors};
    $arg{script}->on_error(sub { push @$errors, $_[0] if @$errors < MAX_ERRORS });
    return $self;
}

sub run {
    my ($self) = @_;
    $self->_turn while !$self->{stopped};
    warn "Mail::Wire::Sink: $_\n" for @{ $self->{errors} };    # nobody has asked since
    return;
}

sub _turn {
    my ($self) = @_;
    my $readers = $self->_is_full ? $self->{control_only} : $self->{readers};
    my ($readable, $writable) = IO::Select->select($readers, $self->{writers}, undef, $self->_patience);
    $self->_on_ready($_, '_read_peer') for @{ $readable || [] };
    $self->_on_ready($_, '_settle')    for @{ $writable || [] };
    $self->_run_timers;
    $self->_wake if $self->{watched} && (@{ $self->{messages} } || @{ $self->{errors} });
    $self->{stopped} = 1 if getppid != $self->{parent};
    return;
}

sub _on_ready {
    my ($self, $socket, $method) = @_;
    return $self->_accept if $socket == $self->{listener};
    return $self->_serve_control if $socket == $self->{control}->socket;
    my $peer = $self->{peers}{ fileno($socket) || '' };
    $self->$method($peer) if $peer && $peer->{socket} == $socket;
    return;
}

# ---- timers

sub _patience {
    my ($self) = @_;
    my $now  = Time::HiRes::time();
    my $wait = PATIENCE;
    for my $peer (values %{ $self->{timed} }) {
        my $left = $peer->{due} - $now;
        $wait = $left if $left < $wait;
    }
    return $wait > 0 ? $wait : 0;
}

sub _run_timers {
    my ($self) = @_;
    my $now = Time::HiRes::time();
    for my $peer (grep { $_->{due} <= $now } values %{ $self->{timed} }) {
        delete $self->{timed}{ $peer->{number} };
        if ($peer->{closing}) { $self->_drop($peer) }
        else                  { $self->_settle($peer) }
    }
    return;
}

sub _set_timer {
    my ($self, $peer, $due) = @_;
    $peer->{due} = $due;
    $self->{timed}{ $peer->{number} } = $peer;
    return;
}

# ---- links

sub _accept {
    my ($self) = @_;
    while (my $socket = Mail::Wire::Standard::apart(sub { $self->{listener}->accept })) {
        $socket->blocking(0);
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 if !defined $self->{path};
        my $number = ++$self->{count};
        my $peer = { socket => $socket, number => $number, session => $self->_new_session($number) };
        $self->{peers}{ fileno $socket } = $peer;
        $self->{readers}->add($socket);
        if   ($self->{script}->tls eq 'implicit') { $self->_secure($peer, 'start') }
        else                                      { $self->_start($peer, 'start') }
    }
    return;
}

sub _start {
    my ($self, $peer, $method) = @_;
    $peer->{session}->$method;
    return $self->_settle($peer);
}

sub _new_session {
    my ($self, $number) = @_;
    my ($messages, $commands, $held) = (@$self{qw(messages commands)}, \$self->{held});
    my $has_commands = !$self->{script}->backlog;
    return $SESSION{ $self->{protocol} }->new(
        script     => $self->{script},
        link       => $number,
        on_message => sub { push @$messages, $_[0]; $$held += OVERHEAD + length(defined $_[0]{data} ? $_[0]{data} : '') },
        on_command => sub { push @$commands, [ $number, $_[0] ] if $has_commands },
    );
}

# Begins TLS; the session goes on by the method behind the handshake.
sub _secure {
    my ($self, $peer, $method) = @_;
    @$peer{qw(is_secure method)} = (1, $method);
    return $self->{tls}->begin($peer->{socket}) ? $self->_shake($peer) : $self->_drop($peer);
}

sub _shake {
    my ($self, $peer) = @_;
    my $wants = $self->{tls}->shake($peer->{socket});
    return $self->_drop($peer) if !defined $wants;
    return $self->_start($peer, delete $peer->{method}) if $wants eq '';
    _watch($self->{readers}, $peer->{socket}, $wants eq 'read');
    _watch($self->{writers}, $peer->{socket}, $wants eq 'write');
    return;
}

sub _read_peer {
    my ($self, $peer) = @_;
    return $self->_shake($peer) if $peer->{method};
    my $count = sysread $peer->{socket}, my $octets, BLOCK;
    return if !defined $count && ($!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR});
    return $self->_drop($peer) if !defined $count;
    return $self->_on_eof($peer) if !$count;
    return if $peer->{closing};
    $peer->{session}->feed($octets);
    return $self->_settle($peer);
}

# What is owed is still written: the client may have closed one side only.
sub _on_eof {
    my ($self, $peer) = @_;
    return $self->_drop($peer) if $peer->{closing};
    $peer->{eof} = 1;
    return $self->_settle($peer);
}

# Does the next thing that the session wants, and waits for what it needs.
sub _settle {
    my ($self, $peer) = @_;
    return if $peer->{closing};
    return $self->_shake($peer) if $peer->{method};
    my ($kind, $value) = $peer->{session}->out->next_item(Time::HiRes::time());
    return $self->_close($peer, $value) if $kind eq 'end';
    return $self->_drop($peer) if $kind eq '' && $peer->{eof};
    if ($kind eq 'octets') { $self->_write_peer($peer, $value) or return }
    ($kind, $value) = $peer->{session}->out->next_item(Time::HiRes::time());
    return $self->_close($peer, $value) if $kind eq 'end';
    $self->_set_timer($peer, $value) if $kind eq 'until';
    return $self->_secure($peer, 'secured') if $kind eq '' && $peer->{session}->wants_tls;
    return $self->_choose($peer, $kind);
}

sub _write_peer {
    my ($self, $peer, $octets) = @_;
    my $count = syswrite $peer->{socket}, $octets;
    if (defined $count) { $peer->{session}->out->wrote($count); return 1 }
    return 1 if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
    $self->_drop($peer);
    return 0;
}

# Which of its sides a link is watched for.
sub _choose {
    my ($self, $peer, $kind) = @_;
    my $socket = $peer->{socket};
    my $reads  = !$peer->{eof} && !$peer->{session}->wants_tls && $peer->{session}->out->size < MAX_WAITING;
    my $writes = $kind eq 'octets' || ($kind eq '' && $peer->{eof});
    _watch($self->{readers}, $socket, $reads);
    _watch($self->{writers}, $socket, $writes);
    return;
}

sub _watch {
    my ($select, $socket, $wanted) = @_;
    my $watched = defined $select->exists($socket);
    $select->add($socket)    if $wanted && !$watched;
    $select->remove($socket) if !$wanted && $watched;
    return;
}

# A close in good order: our side first.  The client's octets are read to its
# end, as closing with octets unread would be a reset.
sub _close {
    my ($self, $peer, $how) = @_;
    if ($how eq 'reset') {
        setsockopt $peer->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        return $self->_drop($peer);
    }
    return $self->_drop($peer) if $peer->{eof};
    $self->{tls}->finish($peer->{socket}, 1) if delete $peer->{is_secure};
    shutdown $peer->{socket}, 1;
    $peer->{closing} = 1;
    _watch($self->{writers}, $peer->{socket}, 0);
    _watch($self->{readers}, $peer->{socket}, 1);
    return $self->_set_timer($peer, Time::HiRes::time() + LINGER);
}

sub _drop {
    my ($self, $peer) = @_;
    my $socket = $peer->{socket};
    $_->remove($socket) for $self->{readers}, $self->{writers};
    delete $self->{timed}{ $peer->{number} };
    delete $self->{peers}{ fileno $socket };
    $self->{tls}->finish($socket, 0) if $peer->{is_secure};
    close $socket;
    return;
}

# ---- the parent

sub _serve_control {
    my ($self) = @_;
    my $control = $self->{control};
    my $alive   = $control->fill;
    while (my $request = $control->take) {
        my ($what, $number, @more) = @$request;
        $self->{script}->set_rules(@more) if $what eq 'rules';
        if ($what eq 'watch') { $self->{watched} = 1 }
        else                  { $self->_hand_over($what, $number) }
    }
    return $self->_send_control($alive);
}

sub _send_control {
    my ($self, $alive) = @_;
    my $control = $self->{control};
    $self->{stopped} = 1 if !($control->flush && $alive);
    _watch($self->{writers}, $control->socket, $control->waiting);
    return;
}

# Tells the parent, once, that there is something to be asked for.
sub _wake {
    my ($self) = @_;
    $self->{watched} = 0;
    $self->{control}->queue([ wake => 1 ]);
    return $self->_send_control(1);
}

# Until the parent has taken something, nothing more is read.
sub _is_full {
    my ($self) = @_;
    my $most = $self->{script}->backlog;
    return $most && ($self->{held} >= $most || $self->{control}->waiting > 1);
}

# What has come since the last request, and the request's number behind it.
# It is the parent's then, and forgotten here.
sub _hand_over {
    my ($self, $what, $number) = @_;
    for my $kind ('errors', $what eq 'rules' ? () : $what) {
        $self->{control}->queue([ $kind => $_ ]) for splice @{ $self->{$kind} };
    }
    $self->{held} = 0 if $what eq 'messages';
    $self->{control}->queue([ done => $number ]);
    return;
}

1;
