package Mail::Wire::Sender::Outcome;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Moo::Role;

# What a success or a failure of our transports says beyond Email::Sender's own. The outcomes are [ address, Mail::Wire::Result ] each.
has outcomes => (is => 'bare', reader => '_outcomes', default => sub { [] });

sub results { my ($self) = @_; return map { $_->[1] } @{ $self->_outcomes } }

# In scalar context how many; as of maybe_delivered.
sub delivered {
    my ($self) = @_;
    return map { $_->[0] } grep { $_->[1]->is_success } @{ $self->_outcomes };
}

sub maybe_delivered {
    my ($self) = @_;
    return map { $_->[0] } grep { $_->[1]->maybe_delivered } @{ $self->_outcomes };
}

no Moo::Role;
1;
