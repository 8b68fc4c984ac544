package Mail::Wire::Sink::Shelf;

# The last messages that a sink has taken: at most so many, of at most so many octets.

use strict;
use warnings;

our $VERSION = '1.000';

# What a message takes beside its text, in octets, roughly.
use constant OVERHEAD => 2000;

# keep: messages; octets: of all of them
sub new {
    my ($class, %option) = @_;
    return bless { %option, messages => [], held => 0, total => 0, cleared => 0, dropped => 0 }, $class;
}

sub add {
    my ($self, $message) = @_;
    push @{ $self->{messages} }, $message;
    $self->{total}++;
    $self->{held} += _weight($message);
    while (@{ $self->{messages} } > 1 && ($self->{held} > $self->{octets} || @{ $self->{messages} } > $self->{keep})) {
        $self->{held} -= _weight(shift @{ $self->{messages} });
        $self->{dropped}++;
    }
    return;
}

sub _weight { return OVERHEAD + length(defined $_[0]{data} ? $_[0]{data} : '') }

# From the oldest to the newest.
sub messages { return @{ $_[0]{messages} } }

# Messages that came since the last clear, and those of them that are here no more as there was no room.
sub total   { return $_[0]{total} }
sub dropped { return $_[0]{dropped} }

# Goes up whenever messages were taken away by somebody.
sub cleared { return $_[0]{cleared} }

sub get {
    my ($self, $id) = @_;
    my ($found) = grep { $_->{id} == $id } @{ $self->{messages} };
    return $found;
}

sub remove {
    my ($self, $id) = @_;
    my $before = @{ $self->{messages} };
    $self->{messages} = [ grep { $_->{id} != $id || do { $self->{held} -= _weight($_); 0 } } @{ $self->{messages} } ];
    my $is_gone = @{ $self->{messages} } < $before;
    $self->{$_} += $is_gone for 'cleared';
    $self->{total} -= $is_gone;
    return $is_gone;
}

sub clear {
    my ($self) = @_;
    $self->{messages} = [];
    $self->{cleared}++;
    @$self{qw(held total dropped)} = (0, 0, 0);
    return;
}

1;
