package Mail::Wire::Sink::Control;

# One end of the link between a sink's object and its process: Perl values as
# frames of 15 decimal digits, a newline and that many octets of Storable.

use strict;
use warnings;
use re 'taint';

use Errno qw(EAGAIN EWOULDBLOCK EINTR);
use IO::Select ();
use Mail::Wire::Standard ();
use Storable ();

our $VERSION = '1.000';

use constant { HEADER => 16, BLOCK => 262_144 };

sub new {
    my ($class, $socket) = @_;
    return bless { socket => $socket, in => '', out => [], at => 0 }, $class;
}

sub socket  { return $_[0]{socket} }
sub waiting { return scalar @{ $_[0]{out} } }
sub hang_up { my ($self) = @_; return shutdown $self->{socket}, 1 }
sub close   { my ($self) = @_; return CORE::close $self->{socket} }

sub queue {
    my ($self, $value) = @_;
    my $octets = Storable::freeze($value);
    push @{ $self->{out} }, sprintf("%015d\n", length $octets), $octets;
    return;
}

# Writes what can be written; false when the other end is gone.
sub flush {
    my ($self) = @_;
    return Mail::Wire::Standard::unpiped(sub { $self->_write });
}

sub _write {
    my ($self) = @_;
    while (@{ $self->{out} }) {
        my $octets = \$self->{out}[0];
        my $count  = syswrite $self->{socket}, $$octets, BLOCK, $self->{at};
        return $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR} if !defined $count;
        $self->{at} += $count;
        next if $self->{at} < length $$octets;
        shift @{ $self->{out} };
        $self->{at} = 0;
    }
    return 1;
}

# Reads once: true for octets (or an interruption), false at the end.
sub fill {
    my ($self) = @_;
    my $count = sysread $self->{socket}, $self->{in}, BLOCK, length $self->{in};
    return defined $count ? $count : $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
}

# The next whole value that has been read, or undef.
sub take {
    my ($self) = @_;
    return undef if length $self->{in} < HEADER;
    my $length = 0 + substr $self->{in}, 0, HEADER - 1;
    return undef if length $self->{in} < HEADER + $length;
    substr $self->{in}, 0, HEADER, '';
    return Storable::thaw(substr $self->{in}, 0, $length, '');
}

# Waits until something can be read; false after $seconds.
sub can_read {
    my ($self, $seconds) = @_;
    return scalar IO::Select->new($self->{socket})->can_read($seconds);
}

1;
