package Mail::Wire::Sink::Body;

# The octets of one message, kept or only counted and digested.

use strict;
use warnings;
use re 'taint';

use Digest::SHA ();

our $VERSION = '1.000';

# limit: octets that are kept at the most, 0 or undef for all
sub new {
    my ($class, $discard, $limit) = @_;
    my $self = bless { size => 0, limit => $limit }, $class;
    if ($discard) { $self->{sha} = Digest::SHA->new(256) }
    else          { $self->{data} = '' }
    return $self;
}

sub size { return $_[0]{size} }

sub add {
    my ($self, $octets) = @_;
    $self->{size} += length $octets;
    if ($self->{sha}) { $self->{sha}->add($octets) }
    else              { $self->_keep($octets) }
    return;
}

sub _keep {
    my ($self, $octets) = @_;
    my $room = $self->{limit} ? $self->{limit} - length $self->{data} : length $octets;
    $self->{data} .= $room < length $octets ? substr $octets, 0, $room : $octets;
    return;
}

# What a message's record says of its body.
sub record {
    my ($self) = @_;
    my $kept = $self->{sha} ? { digest => $self->{sha}->hexdigest } : { data => $self->{data} };
    return (size => $self->{size}, %$kept);
}

1;
