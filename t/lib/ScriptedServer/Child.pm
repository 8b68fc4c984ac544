package ScriptedServer::Child;

# ScriptedServer's side in the child. Each wait also serves the parent; each loop that waits looks again afterwards.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Handle;
use POSIX ();
use Socket;

use PeerReader;

our @ISA = 'PeerReader';

# A server whose test hangs ends the link after this many seconds, and so the test, which has failed.
use constant LIFE => 300;

sub new {
    my ($class, $listener, $control, $tell) = @_;
    my $self = bless {
        listener => $listener,
        control  => $control,
        asked    => '',           # the parent's bytes up to the next line end
        peer     => undef,
        in       => '',           # received and not yet consumed
        eof      => 1,
        left     => [],           # connections that a new client has taken the server from
        recorded => [],           # all that was received, by connection
        tell     => $tell,        # where problems go, a line each
        marks    => {},
        awaited  => {},           # mark => how many answers are owed
        released => 0,
        ends     => time + LIFE,
    }, $class;
    $_->blocking(0) for $listener, $control;
    return $self;
}

sub run {
    my ($self, $scripts) = @_;
    for (my $n = 0; ; $n++) {
        $self->_accept;
        my $script = $scripts->[ $n < @$scripts ? $n : -1 ];
        my $whole = eval { $self->_play($script); 1 };
        if (!$whole && $@ ne "gone\n") {
            (my $problem = $@) =~ s/\n(?=.)/ /g;
            syswrite $self->{tell}, $problem;
            $self->close;
        }
        $self->_linger;
    }
    return;
}

sub _play {
    my ($self, $script) = @_;
    return $script->($self) if ref $script eq 'CODE';
    for (my $i = 0; $i < @$script; $i += 2) {
        my ($verb, $argument) = @$script[ $i, $i + 1 ];
        $self->$verb(ref $argument eq 'ARRAY' ? @$argument : $argument);
    }
    return;
}

sub _accept {
    my ($self) = @_;
    my $socket;
    $self->_wait(read => $self->{listener}) until accept $socket, $self->{listener};
    $socket->blocking(0);
    setsockopt $socket, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), pack 'i', 1;
    @$self{qw(peer in eof)} = ($socket, '', 0);
    push @{ $self->{recorded} }, '';
    return;
}

sub _linger {
    my ($self) = @_;
    eval { $self->more while !$self->{eof} };
    push @{ $self->{left} }, $self->{peer} if !$self->{eof};
    $self->{peer} = undef;
    return;
}

# Until the handle is ready, the parent asked something, or neither for a second. Who waits to read is told by
# a true value that another client is there.
sub _wait {
    my ($self, $direction, $handle) = @_;
    my %set = (read => '', write => '');
    my $reads = $handle && $direction eq 'read';
    vec($set{read}, fileno $_, 1) = 1 for $self->{control}, $reads ? $self->{listener} : ();
    vec($set{$direction}, fileno $handle, 1) = 1 if $handle;
    $self->_grow_older;
    my $ready = select $set{read}, $set{write}, undef, 1;
    return if $ready <= 0;
    $self->_serve_parent if vec $set{read}, fileno $self->{control}, 1;
    return vec $set{read}, fileno $self->{listener}, 1;
}

sub _grow_older {
    my ($self) = @_;
    return if time <= $self->{ends};
    print STDERR "# ScriptedServer: the test hangs\n";
    POSIX::_exit(1);
}

# --- the parent's questions ---

sub _serve_parent {
    my ($self) = @_;
    my $got = sysread $self->{control}, $self->{asked}, 4096, length $self->{asked};
    return if !defined $got && ($! == EINTR || $! == EAGAIN || $! == EWOULDBLOCK);
    POSIX::_exit(0) if !$got;
    $self->_serve(split / /, $1, 2) while $self->{asked} =~ s/^(.*)\n//;
    return;
}

sub _serve {
    my ($self, $question, $argument) = @_;
    $self->_drain;
    return $self->_await($argument) if $question eq 'await';
    $self->{released}++ if $question eq 'release';
    my $recorded = $self->{recorded};
    my $answer
        = $question eq 'received'    ? (@$recorded ? $recorded->[$argument] : '')
        : $question eq 'connections' ? scalar @$recorded
        : $question eq 'passed'      ? ($self->{marks}{$argument} ? 'ok' : 'no')
        :                              'ok';
    $self->_tell_parent(defined $answer ? $answer : '');
    return;
}

sub _await {
    my ($self, $name) = @_;
    return $self->_tell_parent('ok') if $self->{marks}{$name};
    $self->{awaited}{$name}++;
    return;
}

sub _tell_parent {
    my ($self, $answer) = @_;
    my $bytes = pack 'N/a*', $answer;
    while (length $bytes) {
        my $put = syswrite $self->{control}, $bytes;
        if    (defined $put)       { substr $bytes, 0, $put, '' }
        elsif ($! == EINTR)        { next }
        elsif ($! == EAGAIN || $! == EWOULDBLOCK) { $self->_wait_for_parent }
        else                       { POSIX::_exit(0) }
    }
    return;
}

sub _wait_for_parent {
    my ($self) = @_;
    vec(my $set = '', fileno $self->{control}, 1) = 1;
    select undef, $set, undef, 1;
    $self->_grow_older;
    return;
}

# --- reading ---

# What has come, but not for ever: a client may send as fast as we read.
sub _drain {
    my ($self) = @_;
    for (1 .. 64) {
        last if $self->{eof};
        my $got = sysread $self->{peer}, my $bytes, 65536;
        if ($got) {
            $self->{in} .= $bytes;
            $self->{recorded}[-1] .= $bytes;
        }
        elsif (defined $got || ($! != EINTR && $! != EAGAIN && $! != EWOULDBLOCK)) {
            $self->{eof} = 1;
            $self->_mark_both('eof');
        }
        elsif ($! != EINTR) {
            return;
        }
    }
    return;
}

sub more {
    my ($self) = @_;
    my $had = length $self->{in};
    my $another;
    while (1) {
        $self->_drain;
        return if length $self->{in} > $had;
        die "gone\n" if $self->{eof} || $another;
        $another = $self->_wait(read => $self->{peer});
    }
}

# The next line without its end; undef when the client has gone.
sub line {
    my ($self) = @_;
    my $line = eval { $self->raw_line };
    $line =~ s/\r?\n\z// if defined $line;
    return $line;
}

sub expect {
    my ($self, $expected) = @_;
    my $line = $self->line;
    defined $line or die "gone\n";
    my $fits = !defined $expected ? 1 : ref $expected ? $line =~ $expected : $line eq $expected;
    $fits or die "expected '$expected', got '$line'\n";
    return $line;
}

# --- writing ---

sub send {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        my $put = syswrite $self->{peer}, $bytes;
        if (defined $put)   { substr $bytes, 0, $put, ''; next }
        next if $! == EINTR;
        die "gone\n" if $! != EAGAIN && $! != EWOULDBLOCK;
        $self->_wait(write => $self->{peer});
    }
    return;
}

sub reply {
    my ($self, @replies) = @_;
    $self->send(join '', map { /\n\z/ ? $_ : "$_\r\n" } @replies);
    return;
}

sub trickle {
    my ($self, $bytes) = @_;
    $self->send($_) for split //, $bytes;
    return;
}

sub tls {
    my ($self, $option) = @_;
    my $ok = IO::Socket::SSL->start_SSL($self->{peer}, SSL_server => 1, Timeout => LIFE, %$option);
    $self->mark($ok ? 'secure' : 'insecure');
    IO::Handle::blocking($self->{peer}, 0);    # one whose handshake failed has no class any more
    return if $ok;
    $self->close;
    die "gone\n";
}

# --- events ---

sub mark {
    my ($self, $name) = @_;
    $self->{marks}{$name} = 1;
    my $owed = delete $self->{awaited}{$name} || 0;
    $self->_tell_parent('ok') for 1 .. $owed;
    return;
}

# 'eof' once on any connection, 'eof 1' on the second.
sub _mark_both {
    my ($self, $name) = @_;
    $self->mark($name);
    $self->mark("$name $#{ $self->{recorded} }");
    return;
}

sub stall {
    my ($self, $name) = @_;
    $self->mark(defined $name ? $name : 'stall');
    $self->_wait until $self->{released};
    $self->{released}--;
    return;
}

# What has come is read first, so that it is recorded; not with "now", as a client that never stops writing would keep us here.
sub close {
    my ($self, $when) = @_;
    $self->_drain unless $when;
    CORE::close $self->{peer};
    $self->{eof} = 1;
    $self->_mark_both('closed');
    return;
}

sub reset {
    my ($self, $when) = @_;
    $self->_drain unless $when;
    setsockopt $self->{peer}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    CORE::close $self->{peer};
    $self->{eof} = 1;
    $self->_mark_both('closed');
    return;
}

sub finish {
    my ($self) = @_;
    shutdown $self->{peer}, 1;
    $self->_mark_both('closed');
    return;
}

1;
