package ScriptedServer::Child;

# ScriptedServer's side in the child. Each wait also serves the parent; each loop that waits looks again afterwards.

use strict;
use warnings;

use Errno qw(EAGAIN EBADF EINTR EWOULDBLOCK);
use IO::Handle;
use POSIX ();
use Socket;

# A server whose test hangs ends the link, and so the test, after this many seconds.
use constant LIFE => 300;

sub new {
    my ($class, $listener, $control) = @_;
    my $self = bless {
        listener => $listener,
        control  => $control,
        asked    => '',           # the parent's bytes up to the next line end
        peer     => undef,
        in       => '',           # received and not yet consumed
        eof      => 1,
        left     => [],           # connections that a new client has taken the server from
        recorded => [],           # all that was received, by connection
        problems => [],
        marks    => {},
        awaited  => {},           # mark => how many answers are owed
        released => 0,
        ends     => time + LIFE,
    }, $class;
    $SIG{$_} = 'DEFAULT' for qw(ALRM HUP INT TERM USR1 USR2);
    delete @SIG{qw(__DIE__ __WARN__)};
    $SIG{PIPE} = 'IGNORE';
    $self->_close_inherited;
    $_->blocking(0) for $listener, $control;
    return $self;
}

# A client's descriptor that the child holds too would keep a link open that the test has closed;
# another server's control would keep that server alive. Perl counts the users of each descriptor, so they
# are not closed behind its back but turned to nowhere.
sub _close_inherited {
    my ($self) = @_;
    my %keep = map { $_ => 1 } fileno $self->{listener}, fileno $self->{control};
    open STDIN,  '<', '/dev/null' or die "/dev/null: $!";
    open STDOUT, '>', '/dev/null' or die "/dev/null: $!";
    for my $fd (grep { !$keep{$_} } 3 .. 255) {
        $! = 0;
        POSIX::lseek($fd, 0, POSIX::SEEK_CUR());
        POSIX::dup2(fileno STDIN, $fd) if $! != EBADF;
    }
    return;
}

sub run {
    my ($self, $scripts) = @_;
    for (my $n = 0; ; $n++) {
        $self->_accept;
        my $script = $scripts->[ $n < @$scripts ? $n : -1 ];
        my $whole = eval { $self->_play($script); 1 };
        if (!$whole && $@ ne "gone\n") {
            (my $problem = $@) =~ s/\n(?=.)/ /g;
            push @{ $self->{problems} }, $problem;
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
    eval { $self->_more while !$self->{eof} };
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
    POSIX::_exit(0) if time > $self->{ends};
    my $ready = select $set{read}, $set{write}, undef, 1;
    return if $ready <= 0;
    $self->_serve_parent if vec $set{read}, fileno $self->{control}, 1;
    return vec $set{read}, fileno $self->{listener}, 1;
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
        : $question eq 'problems'    ? join('', @{ $self->{problems} })
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
    POSIX::_exit(0) if time > $self->{ends};
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

sub _more {
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
    my $from = 0;
    while ((my $at = index $self->{in}, "\n", $from) < 0) {
        $from = length $self->{in};
        eval { $self->_more; 1 } or return undef;
    }
    my $line = substr $self->{in}, 0, 1 + index($self->{in}, "\n", $from), '';
    $line =~ s/\r?\n\z//;
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

sub data {
    my ($self) = @_;
    my $from = 0;
    while (1) {
        my $end = substr($self->{in}, 0, 3) eq ".\r\n" ? 0 : 2 + index $self->{in}, "\r\n.\r\n", $from;
        return substr substr($self->{in}, 0, $end + 3, ''), 0, $end if $end != 1;
        $from = length $self->{in} > 4 ? length($self->{in}) - 4 : 0;
        $self->_more;
    }
}

sub bytes {
    my ($self, $size) = @_;
    $self->_more while length $self->{in} < $size;
    return substr $self->{in}, 0, $size, '';
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
