package Mail::Wire::Sink::Record;

# What is told of a message that a sink has taken: by the command, by its API, and beside files.

use strict;
use warnings;

our $VERSION = '1.000';

# A message's record as what JSON can hold, in characters, without its text.
sub described {
    my ($message) = @_;
    my %told = map { $_ => characters($message->{$_}) } grep { defined $message->{$_} } qw(protocol from from_params lhlo by stored);
    $told{$_} = 0 + $message->{$_} for grep { defined $message->{$_} } qw(id link size time);
    $told{recipients} = [ map { _recipient($_) } @{ $message->{recipients} } ];
    return \%told;
}

sub _recipient {
    my ($recipient) = @_;
    my %told = map { $_ => characters($recipient->{$_}) } qw(address stage reply);
    $told{params} = characters($recipient->{params}) if %{ $recipient->{params} || {} };
    $told{status} = status($recipient);
    return \%told;
}

# success, deferral, failure; or none, where a rule has made the server say what is no reply.
sub status {
    my ($recipient) = @_;
    return 'success' if $recipient->{accepted};
    return $recipient->{reply} =~ /\A[4Z]/ ? 'deferral' : $recipient->{reply} =~ /\A[5D]/ ? 'failure' : 'none';
}

# Of octets that are UTF-8 the characters; others as they are.
sub characters {
    my ($value) = @_;
    return { map { characters($_) => characters($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    utf8::decode($value) if defined $value && $value =~ /[^\x00-\x7f]/;
    return $value;
}

sub json {
    my ($value) = @_;
    require JSON::PP;
    return JSON::PP->new->ascii->canonical->encode($value);
}

1;
