package Mail::Wire::Sink::Output;

# What a link has still to say: octets, pauses and an end, in order.  It knows
# no socket and no clock: the caller writes, and passes the time in.

use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use constant { KIND => 0, VALUE => 1, WRITE_SIZE => 65_536 };

# limit:       the link ends ('how') after that many octets
# write_size:  octets of one write at the most
# write_delay: seconds between two writes
sub new {
    my ($class, %option) = @_;
    return bless {
        queue => [], size => 0, total => 0, ended => 0, how => 'fin', %option,
    }, $class;
}

sub add {
    my ($self, $octets) = @_;
    return if $self->{ended};
    my $room = defined $self->{limit} ? $self->{limit} - $self->{total} : undef;
    my $full = defined $room && length $octets >= $room;
    $octets = substr $octets, 0, $room if $full;
    $self->_append($octets);
    $self->end($self->{how}) if $full;
    return;
}

sub _append {
    my ($self, $octets) = @_;
    return if !length $octets;
    my $last = $self->{queue}[-1];
    if ($last && $last->[KIND] eq 'octets') { $last->[VALUE] .= $octets }
    else                                    { push @{ $self->{queue} }, [ octets => $octets ] }
    $self->{size}  += length $octets;
    $self->{total} += length $octets;
    return;
}

sub pause {
    my ($self, $seconds) = @_;
    push @{ $self->{queue} }, [ pause => $seconds ] if $seconds && !$self->{ended};
    return;
}

# Nothing that is added afterwards goes out.  'fin' closes in good order,
# 'reset' does not.
sub end {
    my ($self, $how) = @_;
    push @{ $self->{queue} }, [ end => $how ] if !$self->{ended};
    $self->{ended} = 1;
    return;
}

sub ended { return $_[0]{ended} }
sub size  { return $_[0]{size} }

# What comes next: (octets => string to write), (until => the time when a pause
# is over), (end => how) or ('', undef).
sub next_item {
    my ($self, $now) = @_;
    my $queue = $self->{queue};
    while (my $item = $queue->[0]) {
        return ('octets', $self->_piece($item)) if $item->[KIND] eq 'octets';
        return @$item if $item->[KIND] eq 'end';
        @$item = (until => $now + $item->[VALUE]) if $item->[KIND] eq 'pause';
        return @$item if $item->[VALUE] > $now;
        shift @$queue;
    }
    return ('', undef);
}

sub _piece {
    my ($self, $item) = @_;
    return substr $item->[VALUE], 0, $self->{write_size} || WRITE_SIZE;
}

sub wrote {
    my ($self, $count) = @_;
    my $queue = $self->{queue};
    my $item  = $queue->[0];
    substr $item->[VALUE], 0, $count, '';
    $self->{size} -= $count;
    shift @$queue if !length $item->[VALUE];
    unshift @$queue, [ pause => $self->{write_delay} ] if $self->{write_delay} && @$queue;
    return;
}

# Everything at once, pauses left out: for use without a socket.
sub drain {
    my ($self) = @_;
    my $octets = join '', map { $_->[VALUE] } grep { $_->[KIND] eq 'octets' } @{ $self->{queue} };
    @{ $self->{queue} } = grep { $_->[KIND] eq 'end' } @{ $self->{queue} };
    $self->{size} = 0;
    return $octets;
}

1;
