package Mail::Wire::Text;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire::Address ();
use Mail::Wire::Source ();
use Scalar::Util qw(blessed openhandle reftype);

our @CARP_NOT = ('Net::LMTP', 'Mail::Wire::DataHandle', 'Mail::Wire::Source');

# What datasend, data, bdat and the like are given for a text that is no plain string. A reference's address is never mail: a
# reference to a string is the string, a handle what can be read from it, an object the string that it says it is; others croak.

# Of a thing: 'text' as it is, a 'string' behind a reference, or a 'source' of pieces.
sub _kind {
    my ($method, $thing) = @_;
    return 'source' if ref \$thing eq 'GLOB';
    return 'text'   if not ref $thing;
    my $type = reftype $thing;
    return 'source' if openhandle($thing);
    return 'text'   if Mail::Wire::Address::is_text($thing) and $type ne 'GLOB';    # a closed File::Temp says its name
    return 'source' if blessed $thing and $type ne 'GLOB' and grep { $thing->can($_) } qw(as_string read getline);
    return 'string' if not blessed $thing and $type =~ /\A(?:SCALAR|LVALUE|VSTRING)\z/ and _is_string($$thing);
    my $what = blessed $thing ? "an object of the class " . blessed $thing : "a reference to a $type";
    croak "Net::LMTP::$method: $what is no text: a string is needed, a reference to one, or an open handle";
}

# A tied variable's value may be anything.
sub _is_string {
    my ($value) = @_;
    return defined $value && (!ref $value || Mail::Wire::Address::is_text($value));
}

# One that stands alone may be a list of them.
sub _things {
    my (@things) = @_;
    return @things if @things != 1 or ref $things[0] ne 'ARRAY';
    return Mail::Wire::Source::elements($things[0]);
}

# The same things, strings in octets by now. Croaks for what can't be sent, before anything is.
sub settled {
    my ($method, @things) = @_;
    my @list  = _things(@things);
    my @kinds = map { _kind($method, $_) } @list;
    foreach my $i (0 .. $#list) {
        if    ($kinds[$i] eq 'text')   { $list[$i] = octets($method, $list[$i]) }
        elsif ($kinds[$i] eq 'string') { $list[$i] = octets($method, ${ $list[$i] }) }
        elsif (openhandle($list[$i]))  { Mail::Wire::Source->new($list[$i], undef) }
    }
    return @things == 1 && ref $things[0] eq 'ARRAY' ? \@list : @list;
}

# The same as strings in octets, and Mail::Wire::Source's.
sub pieces {
    my ($method, @things) = @_;
    @things = _things(@things);
    my @kinds = map { _kind($method, $_) } @things;
    my @pieces;
    foreach my $i (0 .. $#things) {
        my $piece = $things[$i];
        if ($kinds[$i] eq 'source') {
            push @pieces, Mail::Wire::Source->new($piece, undef);
            next;
        }
        push @pieces, octets($method, $kinds[$i] eq 'string' ? $$piece : $piece);
    }
    return @pieces;
}

# A string for each, in characters.
sub strings {
    my ($method, @things) = @_;
    my @kinds = map { _kind($method, $_) } @things;
    return map {
        my $thing = $things[$_];
        $kinds[$_] eq 'source' ? Mail::Wire::Source->gathered("Net::LMTP::$method", $thing) : $kinds[$_] eq 'string' ? $$thing : $thing;
    } 0 .. $#things;
}

sub octets {
    my ($method, $text) = @_;
    return '' if not defined $text;
    $text = "$text";
    utf8::downgrade($text, 1) or croak "Wide character in Net::LMTP::$method: encode the text first, for example with Encode::encode";
    return $text;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Text - what a caller gives for a text

=head1 DESCRIPTION

Internal to Mail-Wire: strings, references to them, handles and objects that C<data>, C<datasend>, C<bdat> and their like of
L<Net::LMTP> are given. It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
