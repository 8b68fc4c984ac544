package Sweep::Wire;

# One connection as the peer has it: bytes counted in both directions, and the fault where it is due.
#
#   my $wire = Sweep::Wire->new($socket, { name => 'garbage', side => 'out', at => 17, junk => "\xff\r\n" });
#   $wire->say("final m1 0", 250, "250 saved\r\n");     # queued; written before the next read, as one piece
#   my $line = $wire->raw_line;                             # dies with "gone\n" when the session is over
#   my $truth = $wire->truth;
#
# An offset counts honest bytes: those read, or those of replies. The fault comes when so many have passed.

use strict;
use warnings;

use Errno qw(EINTR);
use PeerReader;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);

our @ISA = 'PeerReader';

use constant BLOCK => 65536;

sub new {
    my ($class, $socket, $fault) = @_;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, pack 'i', 1;
    return bless {
        socket  => $socket,
        fault   => $fault,
        in      => '',    # read, not yet taken
        seen    => '',    # all that the client is known to have sent
        got     => 0,     # how much of it the server was given
        out     => '',    # honest bytes to be written
        put     => 0,     # honest bytes written, or lost by the fault
        said    => [],    # [ point, code, offset of its first byte, offset behind its last ]
        wrote_from => 0,  # where the last write began
        spoilt  => {},    # point => 'lost' or 'blurred': not what was meant arrived
    }, $class;
}

# What happened, for Sweep::Truth:
#   said, spoilt, put   as above
#   seen                the client's bytes
#   whole               true when the client sent nothing else
#   struck              where the fault came: { put, got, piece }, the last being where a write began that the client may read with it
sub truth {
    my ($self) = @_;
    return { map { $_ => $self->{$_} } qw(said spoilt put seen got whole struck) };
}

# ---------------------------------------------------------------- reading

sub more {
    my ($self) = @_;
    $self->flush;
    my $most = BLOCK;
    if ($self->{fault} and $self->{fault}{side} eq 'in') {
        $most = $self->{fault}{at} - $self->{got};
        return $self->strike(0) if $most <= 0;
    }
    my $got = $self->take(my $bytes, $most) or $self->over(1);
    $self->{got} += $got;
    $self->{in} .= $bytes;
    return;
}

# 0 at the end.
sub take {
    my ($self, undef, $most) = @_;
    my $got;
    do { $got = sysread $self->{socket}, $_[1], $most } while !defined $got && $! == EINTR;
    $self->{seen} .= $_[1] if $got;
    return $got || 0;
}

sub over {
    my ($self, $whole) = @_;
    $self->{whole} = $whole;
    die "gone\n";
}

# Reads what the client still sends, and answers nothing.
sub drain {
    my ($self) = @_;
    1 while $self->take(my $bytes, BLOCK);
    return $self->over(1);
}

# ---------------------------------------------------------------- writing

sub say {
    my ($self, $point, $code, $bytes) = @_;
    my $held = delete $self->{held};
    if (defined $held) {
        $self->{out} .= $held;
        $self->{put} -= length $held;
    }
    my $start = $self->{put} + length $self->{out};
    push @{ $self->{said} }, [ $point, $code, $start, $start + length $bytes ];
    $self->{out} .= $bytes;
    return;
}

sub flush {
    my ($self) = @_;
    my $fault = $self->{fault};
    if ($fault and $fault->{side} eq 'out') {
        my $ahead = $fault->{at} - $self->{put};
        $self->strike($ahead) if $ahead < length $self->{out} or $ahead == length $self->{out} and !$fault->{loses};
    }
    $self->write_out(length $self->{out}) if length $self->{out};
    return;
}

# So many of the queued bytes, and junk behind them.
sub write_out {
    my ($self, $count, $junk) = @_;
    my $bytes = substr $self->{out}, 0, $count, '';
    $self->{wrote_from} = $self->{put};
    $self->{put} += $count;
    $bytes .= $junk if defined $junk;
    if ($self->{fault} and $self->{fault}{alone}) { $self->write_all($_) for split //, $bytes }
    else                                          { $self->write_all($bytes) }
    return;
}

sub write_all {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        my $put = syswrite $self->{socket}, $bytes;
        next if !defined $put && $! == EINTR;
        $self->drain if !$put;
        substr $bytes, 0, $put, '';
    }
    return;
}

# ---------------------------------------------------------------- the fault

# It comes behind so many of the queued bytes.
sub strike {
    my ($self, $ahead) = @_;
    my $fault = delete $self->{fault};
    my $at = $self->{put} + $ahead;
    $self->{struck} = { put => $at, got => $self->{got}, piece => length $self->{out} ? $self->{put} : $self->{wrote_from} };
    $self->spoil($at, 'blurred') if $fault->{junk};
    my $method = "do_$fault->{does}";
    return $self->$method($ahead, $fault);
}

# The reply that has this offset inside it.
sub spoil {
    my ($self, $at, $how) = @_;
    for my $reply (@{ $self->{said} }) {
        my ($point, undef, $start, $end) = @$reply;
        $self->{spoilt}{$point} = $how if $start < $at && $at < $end;
    }
    return;
}

sub do_finish {
    my ($self, $ahead, $fault) = @_;
    $self->write_out($ahead, $fault->{junk});
    shutdown $self->{socket}, 1;
    return $self->drain;
}

sub do_close {
    my ($self, $ahead) = @_;
    $self->write_out($ahead);
    close $self->{socket};
    return $self->over(0);
}

sub do_reset {
    my ($self, $ahead) = @_;
    $self->write_out($ahead);
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $self->{socket};
    return $self->over(0);
}

sub do_stall {
    my ($self, $ahead) = @_;
    $self->write_out($ahead);
    return $self->drain;
}

# It reads on when the client has given up, so that all that was sent is known.
sub do_deaf {
    my ($self, $ahead, $fault) = @_;
    select undef, undef, undef, $fault->{pause};
    return $self->drain;
}

# More than is due, in one piece with what is due: with_next, with the next reply if none waits. For sessions without anchors: a
# reply between two commands is seen before the next one is sent, or passes for its reply, and nothing but time decides which.
sub do_insert {
    my ($self, $ahead, $fault) = @_;
    if ($fault->{with_next} and not length $self->{out}) {
        $self->{held} = $fault->{junk};
        return;
    }
    substr $self->{out}, $ahead, 0, $fault->{junk};
    $self->{put} -= length $fault->{junk};
    $self->write_out(length $self->{out});
    return;
}

# The rest of a reply goes missing.
sub do_lose {
    my ($self, $ahead) = @_;
    my $at = $self->{put} + $ahead;
    my ($i) = grep { $self->{said}[$_][3] > $at } 0 .. $#{ $self->{said} };
    my ($reply, $next) = @{ $self->{said} }[ $i, $i + 1 ];
    $self->{spoilt}{ $reply->[0] } = $at == $reply->[2] ? 'lost' : 'blurred';
    $self->{joins_next} = $at > $reply->[2];
    my $rest = $reply->[3] - $at;
    substr($self->{out}, $ahead, $rest) = '';
    $self->write_out(length $self->{out});
    $self->{put} += $rest;
    return;
}

sub do_pause {
    my ($self, $ahead, $fault) = @_;
    $self->write_out($ahead);
    select undef, undef, undef, $fault->{pause};
    return;
}

1;
