package TiedHandle;

# A handle of its own between a client and its socket, as scripts put one there to log or to encrypt: everything goes through its methods,
# which give and take no more than they are told to.
#
#   my $wrap = TiedHandle->wrap($lmtp, read_size => 3, ...);    # also TiedHandle::Layer->wrap
#
#   read_size, write_size   bytes that a call moves at the most
#   busy                    every second call says EAGAIN
#   on_read, on_write       code that is called first: with the bytes of a write
#   read_says, write_says   what a call returns instead
#
# {read} and {written} are the bytes that went through, {calls} is how many calls there were.

use strict;
use warnings;

use Errno qw(EAGAIN);
use Scalar::Util ();

sub wrap {
    my ($class, $handle, %option) = @_;
    open my $inner, '+<&', $handle or die "dup: $!";
    return tie *$handle, $class, { %option, inner => $inner, read => '', written => '', calls => 0 };
}

sub TIEHANDLE { return bless $_[1], $_[0] }
sub FILENO    { return fileno $_[0]{inner} }
sub CLOSE     { return close $_[0]{inner} }
sub BINMODE   { return 1 }

sub again {
    my ($self) = @_;
    return 0 if not $self->{busy} or $self->{calls} % 2;
    $! = EAGAIN;
    return 1;
}

sub READ {
    my ($self, undef, $len, $offset) = @_;
    $self->{calls}++;
    $self->{on_read}->($self) if $self->{on_read};
    return 0 if not defined fileno $self->{inner};
    return $self->{read_says}->($self, $_[1]) if $self->{read_says};
    return undef if $self->again;
    $len = $self->{read_size} if $self->{read_size} and $self->{read_size} < $len;
    my $got = sysread $self->{inner}, $_[1], $len, $offset || 0;
    $self->{read} .= substr $_[1], $offset || 0, $got if $got;
    return $got;
}

sub WRITE {
    my ($self, $bytes, $len, $offset) = @_;
    $self->{calls}++;
    $self->{on_write}->($self, substr $bytes, $offset || 0, $len) if $self->{on_write};
    return $self->{write_says}->($self) if $self->{write_says};
    return undef if $self->again;
    $len = $self->{write_size} if $self->{write_size} and $self->{write_size} < $len;
    my $put = syswrite $self->{inner}, $bytes, $len, $offset || 0;
    $self->{written} .= substr $bytes, $offset || 0, $put if $put;
    return $put;
}

package TiedHandle::Layer;

# One that keeps bytes which poll does not see, as TLS does: all that has come is read at once and given a few bytes at a time. And it has
# to read a byte now and then before it can write, or the reverse.
#
#   wants_read, wants_write    that many calls of the other kind say so first

use strict;
use warnings;

use Errno qw(EAGAIN);

our @ISA = ('TiedHandle');

sub pending { return length $_[0]{kept} }

sub wants {
    my ($self, $what, $word) = @_;
    no warnings 'once';
    $IO::Socket::SSL::SSL_ERROR = '';
    return 0 if not $self->{$what} or $self->{$what}-- <= 0;
    $self->{wanted}++;
    $IO::Socket::SSL::SSL_ERROR = Scalar::Util::dualvar(123_456, "SSL wants a $word first");
    $! = EAGAIN;
    return 1;
}

sub READ {
    my ($self, undef, $len, $offset) = @_;
    $self->{kept} = '' if not defined $self->{kept};
    return undef if $self->wants(wants_write => 'write');
    if (not length $self->{kept}) {
        my $got = sysread $self->{inner}, $self->{kept}, 65536;
        return $got if not $got;
    }
    return $self->SUPER::READ($_[1], $len, $offset) if $self->{read_says};
    my $piece = substr $self->{kept}, 0, $self->{read_size} || $len, '';
    $self->{calls}++;
    $self->{read} .= $piece;
    $_[1] = $piece;
    return length $piece;
}

sub WRITE {
    my ($self, $bytes, $len, $offset) = @_;
    my $piece = substr $bytes, $offset || 0, $len;
    die "not the same bytes again\n" if defined $self->{refused} and $self->{refused} ne $piece;
    if ($self->wants(wants_read => 'read')) {
        $self->{refused} = $piece;
        return undef;
    }
    delete $self->{refused};
    return $self->SUPER::WRITE($bytes, $len, $offset);
}

1;
